"""What the documents say of the product, held against the product."""

import inspect
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent
from typing import Any
from urllib.parse import unquote

import pytest
import yaml
from prometheus_client import CollectorRegistry

from localcluster.toolchain import TOOLS
from podvigil.api.actions import ActionName
from podvigil.api.crd import KINDS, definition
from podvigil.api.features import Feature
from podvigil.api.monitor import AnomalyMonitor
from podvigil.api.reasons import Reason
from podvigil.api.signals import Signal
from podvigil.collect.queries import query_for
from podvigil.collect.volumes import mounted_query
from podvigil.controllers.approver.metrics import ApproverMetrics
from podvigil.controllers.monitor.metrics import MonitorMetrics
from podvigil.controllers.monitor.sources import FEATURES
from podvigil.controllers.remediation.metrics import ExecutorMetrics
from podvigil.detect.explain import FeatureShare
from podvigil.diagnose.rules import RULES, SUSPECT, TRAFFIC_SHARE, Facts, diagnose
from podvigil.remediate.guards import EXECUTION
from podvigil.settings import PREFIX, WELL_KNOWN, Settings, as_yaml

ROOT = Path(__file__).parents[2]


def documents() -> list[Path]:
    """Every Markdown file of the project."""
    folders = ("docs", "deploy", "models", "crds", "benchmarks", "tests")
    return sorted([*ROOT.glob("*.md"), *(p for f in folders for p in (ROOT / f).rglob("*.md"))])


def text(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def prose(content: str) -> str:
    """The text without its fenced blocks, in which links and headings are none."""
    return re.sub(r"^```.*?^```", "", content, flags=re.MULTILINE | re.DOTALL)


def anchors(content: str) -> set[str]:
    """The anchors of the headings, as code hosts make them."""
    headings = re.findall(r"^#+ (.+)$", prose(content), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h).strip().lower().replace(" ", "-") for h in headings}


def first_cells(content: str, header: str) -> Iterator[str]:
    """The first cells of every table whose first column is called `header`."""
    inside = False
    for line in content.splitlines():
        cells = [c.strip() for c in line.strip().strip("|").split("|")]
        if not line.startswith("|"):
            inside = False
        elif cells[0] == header:
            inside = True
        elif inside and not set(cells[0]) <= {"-"}:
            yield cells[0]


def words(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


@pytest.mark.parametrize("document", documents(), ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    content = document.read_text(encoding="utf-8")
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(content)):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = unquote(link).partition("#")
        target = (document.parent / name).resolve() if name else document
        if not target.exists() or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
            broken.append(link)
    assert not broken


def test_every_setting_is_in_the_table() -> None:
    wanted = []
    for key, field in Settings.model_fields.items():
        default = field.default
        shown = as_yaml(default)
        variables = [PREFIX + key.upper(), *([WELL_KNOWN[key]] if key in WELL_KNOWN else [])]
        wanted.append(
            f"| `{key}` | `{shown}` | {', '.join(f'`{v}`' for v in variables)} | {field.description} |"
        )
    lines = text("configuration.md").splitlines()
    assert [line for line in wanted if line not in lines] == []
    assert len(list(first_cells(text("configuration.md"), "key"))) == len(wanted)


def spec_fields(schema: dict[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    """Each field that a person writes, with its default; selectors and references are one field."""
    for name, field in schema["properties"].items():
        here = f"{path}.{name}"
        is_group = field["type"] == "object" and "default" in field
        if is_group:
            yield from spec_fields(field, here)
        else:
            yield here, field.get("default")


def test_every_field_of_a_monitor_is_in_the_table() -> None:
    monitor = next(k for k in KINDS if k.model is AnomalyMonitor)
    schema = definition(monitor)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    fields = dict(spec_fields(schema, "spec"))
    rows = {
        words(cells[0])[0]: cells[1]
        for line in text("monitor.md").splitlines()
        if line.startswith("| `spec.") and (cells := line.strip("|").split("|"))
    }
    assert set(rows) == set(fields)
    for path, default in fields.items():
        if isinstance(default, list):
            assert words(rows[path]) == [f"[{', '.join(default)}]"], path
        elif default is not None:
            expected = str(default).lower() if isinstance(default, bool) else str(default)
            assert words(rows[path]) == [expected], path


def documented_reasons() -> dict[str, set[str]]:
    found = {}
    for name in ("monitor.md", "reports.md", "remediation.md", "operations.md"):
        found[name] = set(re.findall(r"`([A-Z][A-Za-z]+)`", text(name)))
    return found


@pytest.mark.parametrize(
    ("name", "header"),
    [("monitor.md", "reason"), ("remediation.md", "reason"), ("remediation.md", "outcome")],
)
def test_reasons_in_tables_exist(name: str, header: str) -> None:
    listed = {word for cell in first_cells(text(name), header) for word in words(cell)}
    assert listed
    assert listed <= {r.value for r in Reason}


def test_reasons_of_reports_exist() -> None:
    rows = re.findall(
        r"^\| (?:Active|Explained|Proposed) \w+ \| ([^|]+) \|", text("reports.md"), re.MULTILINE
    )
    listed = {word for cell in rows for word in words(cell)}
    assert listed
    assert listed <= {r.value for r in Reason}


def test_every_reason_that_is_given_is_explained() -> None:
    code = "\n".join(
        p.read_text(encoding="utf-8") for p in (ROOT / "operator").rglob("*.py") if p.name != "reasons.py"
    )
    given = {r.value for r in Reason if re.search(rf"\bReason\.{r.name}\b", code)}
    explained = set().union(*documented_reasons().values())
    # Starting is the state before the first look, and never written.
    assert given - explained - {Reason.STARTING.value} == set()


def test_metrics_are_documented_and_exist() -> None:
    registry = CollectorRegistry()
    MonitorMetrics(registry)
    ExecutorMetrics(registry)
    ApproverMetrics(registry)
    exist = {f.name + ("_total" if f.type == "counter" else "") for f in registry.collect()}
    listed = {w for cell in first_cells(text("operations.md"), "metric") for w in words(cell)}
    assert listed == exist
    everywhere = "\n".join(d.read_text(encoding="utf-8") for d in documents())
    named = set(re.findall(r"\bpodvigil_[a-z_]+", everywhere))
    assert named - exist - {"podvigil_build_info"} == set()


def test_the_guards_are_in_the_order_in_which_they_are_asked() -> None:
    table = text("remediation.md").split("\n## Guards\n", 1)[1].split("\n\nBefore the decision", 1)[0]
    place = {word: n for n, cell in enumerate(first_cells(table, "reason")) for word in words(cell)}
    asked = []
    for guard in EXECUTION:
        source = Path(inspect.getfile(guard)).read_text(encoding="utf-8")
        given = [Reason[name].value for name in re.findall(r"\bReason\.([A-Z_]+)", source)]
        asked += sorted({place[reason] for reason in given if reason in place})
    assert asked == sorted(asked), "move the rows of the table into the order of the chain"
    # Some reasons are given elsewhere: the gate's, what keeps failing, and what an action objects to.
    assert len(set(asked)) > 0.8 * len(set(place.values()))


def recommended(facts: Facts) -> list[str]:
    """The actions that the rules recommend, in order; what a person must do by hand is none."""
    said = diagnose(facts)
    return [str(action) for action, _ in said.advice if action] if said else []


def test_the_signals_are_in_the_table_with_what_is_recommended() -> None:
    lines = [line for line in text("reports.md").splitlines() if line.startswith("| `")]
    rows = {
        signal: [words(cell) for cell in cells[2:]]
        for line in lines
        if len(cells := line.strip("|").split("|")) == 4
        for signal in words(cells[0])
    }
    assert set(rows) == set(Signal)
    began = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
    traffic = (FeatureShare(Feature.NETWORK_RECEIVE, TRAFFIC_SHARE, 1.0, 2.0, 1.0, 0.5, 1.5),)
    for signal in Signal:
        one = Facts(signal, "Deployment shop/web", 1, 3, (), ())
        most = replace(one, pods_affected=2)
        assert rows[signal] == [recommended(one), recommended(most)], signal
        explained = signal in RULES and signal is not Signal.VOLUME_FILLING  # what filled it stays there
        for facts, is_suspect in (
            (one, signal in {Signal.OOM_KILLED, Signal.CRASH_LOOP, Signal.RESTART_BURST}),
            (most, explained),
            (replace(one, pods_evaluated=1), explained),
            (replace(most, explanation=traffic), False),
        ):
            first = recommended(replace(facts, since=began, rolled_out_at=began - SUSPECT))[:1]
            assert (first == [ActionName.ROLLBACK]) is is_suspect, signal
    assert f"within {SUSPECT.total_seconds() / 60:.0f} minutes" in text("reports.md")
    assert recommended(Facts(Signal.CPU_HIGH, "Deployment shop/web", 1, 3, traffic, ())) == [ActionName.SCALE]


def test_what_prometheus_must_hold_is_in_the_table() -> None:
    queries = " ".join([*(query_for(feature, None, 30.0) for feature in FEATURES), mounted_query(None)])
    asked = set(re.findall(r"\b(?:container|kube|kubelet)_[a-z_]+", queries))
    assert {w for cell in first_cells(text("monitor.md"), "series") for w in words(cell)} == asked


def test_what_is_said_of_the_dials_is_what_the_benchmark_found() -> None:
    found = (ROOT / "benchmarks/results/calibration.md").read_text(encoding="utf-8")
    got = {
        (asked, where): came
        for asked, where, came in re.findall(
            r"^\| ([0-9.]+) \| (on the way|end of the history) \| ([0-9.]+) \|", found, re.MULTILINE
        )
    }
    dials = re.sub(r"\s+", " ", text("monitor.md"))
    assert f"default `{Settings.model_fields['false_alarms_per_pod_day'].default}` brought" in dials
    assert f"brought {got['0.1', 'on the way']} alarms for each one" in dials
    assert f"and {got['0.1', 'end of the history']} with one that" in dials
    assert f"it brought {got['1', 'on the way']} and {got['1', 'end of the history']}" in dials
    assert f"it brought {got['0.1', 'on the way']} alarms" in re.sub(r"\s+", " ", text("decisions.md"))
    labelled = found.split("| the labelled sets: said |", 1)[1]
    said, true = re.findall(r"^\| 0\.95 to 1\.00 \| ([0-9.]+) \| ([0-9.]+) \|", labelled, re.MULTILINE)[0]
    assert f"said to be {float(said):.2f} probable {float(true):.2f} was at fault" in dials


WRITTEN_OUT = re.compile(
    r"^( *)(apiVersion: podvigil\.io/v1alpha1\n(?:(?!\1(?:EOF|```)).+\n)+)", re.MULTILINE
)
"""A manifest, in a fence or indented, up to the end of its block."""


def examples() -> list[tuple[str, dict[str, Any]]]:
    """Every object of ours that is written out in a document."""
    found = []
    for document in documents():
        for indent, block in WRITTEN_OUT.findall(document.read_text(encoding="utf-8")):
            # In a here document the shell fills in what `$(…)` prints.
            filled = re.sub(r"\$\(date [^)]*\)", "2026-03-01T18:00:00Z", dedent(indent + block))
            body = yaml.safe_load(re.sub(r"\$\([^)]*\)", "printed", filled))
            found.append((str(document.relative_to(ROOT)), body))
    return found


def missing(given: Any, read: Any) -> list[str]:
    """Keys of `given` that were not understood: the models drop what they do not know."""
    if isinstance(given, dict) and isinstance(read, dict):
        return [
            f"{key}.{inner}".rstrip(".")
            for key, value in given.items()
            for inner in (missing(value, read[key]) if key in read else [""])
        ]
    return []


def test_examples_of_our_kinds_are_valid() -> None:
    found = examples()
    assert {(name, body["kind"]) for name, body in found} >= {
        ("README.md", "AnomalyMonitor"),
        ("docs/monitor.md", "AnomalyMonitor"),
        ("deploy/README.md", "AnomalyMonitor"),
        ("docs/remediation.md", "RemediationRequest"),
    }
    models = {kind.model.__name__: kind.model for kind in KINDS}
    for name, body in found:
        read = models[body["kind"]].model_validate(body).dump()
        assert missing(body, read) == [], name


def test_the_time_of_the_first_build_is_one_figure() -> None:
    """What `make binaries` says before it begins; how long each took, it says when it is done."""
    minutes = round(sum(tool.cold_build_seconds for tool in TOOLS.values()) / 60)
    for document in ("README.md", "deploy/local/README.md"):
        assert f"about {minutes} minutes on two cores" in (ROOT / document).read_text(encoding="utf-8")


def test_make_targets_in_documents_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named: set[str] = set()
    for document in documents():
        content = document.read_text(encoding="utf-8")
        named |= set(re.findall(r"(?:`|^ {4})make ([a-z-]+)\b", content, re.MULTILINE))
    assert named
    assert named <= targets
