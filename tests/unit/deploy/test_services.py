"""Every process is scraped: a Service for each Deployment finds its pods and their port."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

DEPLOY: Final = Path(__file__).parents[3] / "deploy"
FOLDERS: Final = (DEPLOY / "base/workloads", DEPLOY / "approver")


def objects(kind: str) -> Iterator[dict[str, Any]]:
    """Yield the objects of a kind in the folders that hold processes."""
    for path in sorted(p for folder in FOLDERS for p in folder.glob("*.yaml")):
        yield from (found for found in yaml.safe_load_all(path.read_text()) if found["kind"] == kind)


def test_all_three_processes_are_meant() -> None:
    names = {d["metadata"]["name"] for d in objects("Deployment")}
    assert names == {"podvigil-analyst", "podvigil-executor", "podvigil-approver"}


@pytest.mark.parametrize("deployment", list(objects("Deployment")), ids=lambda d: d["metadata"]["name"])
def test_a_service_finds_the_process(deployment: dict[str, Any]) -> None:
    (service,) = [s for s in objects("Service") if s["metadata"]["name"] == deployment["metadata"]["name"]]
    template = deployment["spec"]["template"]
    assert service["spec"]["selector"].items() <= template["metadata"]["labels"].items()
    (container,) = template["spec"]["containers"]
    assert [p["targetPort"] for p in service["spec"]["ports"]] == [p["name"] for p in container["ports"]]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda p: p.name)
def test_kustomize_takes_every_file(folder: Path) -> None:
    top = folder if (folder / "kustomization.yaml").exists() else folder.parent
    listed = yaml.safe_load((top / "kustomization.yaml").read_text())["resources"]
    present = {str(p.relative_to(top)) for p in folder.glob("*.yaml")} - {"kustomization.yaml"}
    assert present <= set(listed)
