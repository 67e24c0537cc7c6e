"""What goes into the image is what was tested: the operator's lock is a part of the developers' lock."""

import re
import tomllib
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[3]
PINNED: Final = re.compile(r"^([a-z0-9._-]+)==([^ ]+)", re.MULTILINE)


def pins(name: str) -> set[tuple[str, str]]:
    """Return the packages and versions of a lock file; one package may have a version for each Python."""
    return {(m[1], m[2]) for m in PINNED.finditer((ROOT / "requirements" / name).read_text())}


@pytest.mark.parametrize("name", ["operator.lock", "build.lock"])
def test_the_image_holds_the_versions_that_are_tested(name: str) -> None:
    assert pins(name) - pins("dev.lock") == set(), "run `make lock`"


def test_the_lock_names_every_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {re.split(r"[><=!~\[ ]", entry)[0] for entry in project["dependencies"]}
    assert wanted - {name for name, _ in pins("operator.lock")} == set(), "run `make lock`"


def test_the_operator_ships_without_the_training_tools() -> None:
    held = {name for name, _ in pins("operator.lock")}
    assert held & {"tensorflow", "keras", "scikit-learn", "pandas", "pytest", "mypy"} == set()


@pytest.mark.parametrize("path", sorted((ROOT / "requirements").iterdir()), ids=lambda path: path.name)
def test_locks_hold_hashes_and_no_address(path: Path) -> None:
    text = path.read_text()
    assert "://" not in text
    assert len(PINNED.findall(text)) <= text.count("--hash=sha256:")


def test_the_image_runs_as_nobody_in_particular() -> None:
    text = (ROOT / "deploy/Dockerfile").read_text()
    assert text.startswith("#")
    assert "\nARG PYTHON_IMAGE=" in text
    assert "\nUSER 65532:65532\n" in text
    assert "PYTHONSAFEPATH=1" in text
