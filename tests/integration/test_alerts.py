"""The alerts of docs/operations.md, by Prometheus' own program: they parse, and they fire when they should."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from localcluster.binaries import ensure
from shop import ROOT, Json

UP = 'up{namespace="podvigil-system",service="podvigil-%s"}'


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rules as a person copies them."""
    text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    path = tmp_path_factory.mktemp("alerts") / "rules.yml"
    path.write_text(text.split("\n## Alerts\n", 1)[1].split("```yaml\n", 1)[1].split("```", 1)[0])
    return path


def alerts(rules: Path) -> dict[str, Json]:
    (group,) = yaml.safe_load(rules.read_text())["groups"]
    return {rule["alert"]: rule for rule in group["rules"]}


def promtool(*arguments: str) -> str:
    """Run it; returns all it says. Raises nothing: what it says of a failure is what a test shows."""
    command = [str(ensure(("promtool",))["promtool"]), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr


def test_prometheus_takes_them(rules: Path) -> None:
    assert f"SUCCESS: {len(alerts(rules))} rules found" in promtool("check", "rules", str(rules))
    assert all(set(rule["labels"]) == {"severity"} for rule in alerts(rules).values())


@pytest.mark.parametrize(
    ("alert", "series", "fires"),
    [
        pytest.param("PodvigilAnalystGone", {UP % "analyst": "1x30"}, False, id="the-analyst-runs"),
        pytest.param("PodvigilAnalystGone", {UP % "analyst": "0x30"}, True, id="it-cannot-be-scraped"),
        pytest.param("PodvigilAnalystGone", {UP % "executor": "1x30"}, True, id="its-pod-is-gone"),
        pytest.param("PodvigilExecutorGone", {UP % "executor": "1x30"}, False, id="the-executor-runs"),
        pytest.param("PodvigilExecutorGone", {UP % "analyst": "1x30"}, True, id="the-executor-is-gone"),
        pytest.param(
            "PodvigilWaitsForApproval", {"podvigil_requests_awaiting_approval": "0x5 2x25"}, True, id="waits"
        ),
        pytest.param("PodvigilWaitsForApproval", {"podvigil_requests_awaiting_approval": "0x30"}, False, id="none"),
        pytest.param("PodvigilReportsTrouble", {'podvigil_reports_active{monitor="shop"}': "1x30"}, True, id="report"),
        pytest.param(
            "PodvigilDoesNotEvaluate",
            {'podvigil_ticks_total{monitor="shop",outcome="SourceUnreachable"}': "1+2x30"},
            True,
            id="no-evaluation-has-ended-well-since-the-start",
        ),
        pytest.param(
            "PodvigilDoesNotEvaluate",
            {
                'podvigil_ticks_total{monitor="shop",outcome="SourceUnreachable"}': "1+1x30",
                'podvigil_ticks_total{monitor="shop",outcome="Evaluated"}': "1+1x30",
                'podvigil_last_tick_timestamp_seconds{monitor="shop"}': "0+60x30",
            },
            False,
            id="one-evaluation-in-two-ends-well",
        ),
        pytest.param(
            "PodvigilDoesNotEvaluate",
            {'podvigil_last_tick_timestamp_seconds{monitor="shop"}': "0x30"},
            True,
            id="the-last-evaluation-is-long-ago",
        ),
        pytest.param(
            "PodvigilChangeWasHarmful",
            {'podvigil_requests_finished_total{action="Restart",outcome="Harmful"}': "_x10 1x20"},
            True,
            id="the-first-harm-ever",
        ),
    ],
)  # fmt: skip
def test_they_fire(rules: Path, alert: str, series: dict[str, str], fires: bool) -> None:
    """Said by their count: promtool compares words too, which are not what is tried here."""
    question: dict[str, Any] = {
        "rule_files": [rules.name],
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": name, "values": values} for name, values in series.items()],
                "promql_expr_test": [
                    {
                        "expr": f'count(ALERTS{{alertname="{alert}",alertstate="firing"}})',
                        "eval_time": "20m",
                        "exp_samples": [{"labels": "{}", "value": 1}] if fires else [],
                    }
                ],
            }
        ],
    }
    asked = rules.with_name("test.yml")
    asked.write_text(json.dumps(question))
    assert "SUCCESS" in (said := promtool("test", "rules", str(asked))), said
