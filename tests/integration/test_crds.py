"""The kinds on a real API server: what it takes, and with which words it refuses."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from kinds import apply, condition, create, get
from localcluster.controlplane import ControlPlane
from localcluster.process import wait_until
from podvigil.api.monitor import AnomalyMonitor, MonitorSpec
from samples import Object, changed, monitor, report, request
from shop import DEADLINE_SECONDS

ROOT: Final = Path(__file__).parents[2]
CRDS: Final = str(ROOT / "crds")
KINDS: Final = ("anomalymonitors", "anomalyreports", "remediationrequests")

SELECT: Final = (
    "select what to watch: set spec.namespaces, or spec.namespaceSelector ({} selects every namespace)"
)
VALUES: Final = "In and NotIn need values; Exists and DoesNotExist must not have any"
KEEPS: Final = "a report keeps its monitor, target and signal: create another report for another finding"
SCALE_NEEDS: Final = (
    "Scale needs spec.plan.parameters.replicas, the number of replicas to set; other actions take none"
)


@pytest.fixture(scope="module")
def cluster(control_plane: ControlPlane) -> Iterator[ControlPlane]:
    """The kinds without the policies: only the schema judges here."""
    gate = ("validatingadmissionpolicybinding", "podvigil-approval", "--ignore-not-found")
    control_plane.kubectl("delete", *gate)
    applied = control_plane.kubectl("apply", "-k", CRDS)
    assert applied.stderr == ""
    control_plane.wait_for("--for=condition=Established", *(f"crd/{kind}.podvigil.io" for kind in KINDS))
    approved = changed(request(), {"spec.approval": {"decision": "Approved"}})
    wait_until(
        lambda: create(control_plane, approved) == "", "no policy judges", deadline_seconds=DEADLINE_SECONDS
    )
    yield control_plane
    control_plane.kubectl("delete", ",".join(KINDS), "--all", "--all-namespaces")


def test_the_kinds_are_taken_without_a_warning(cluster: ControlPlane) -> None:
    assert cluster.kubectl("apply", "-k", CRDS, "--dry-run=server").stderr == ""


@pytest.mark.parametrize("body", [monitor(), report(), request()], ids=lambda b: str(b["kind"]))
def test_the_sample_is_valid(cluster: ControlPlane, body: Object) -> None:
    assert create(cluster, body) == ""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"spec": {}}, SELECT, id="nothing-selected"),
        pytest.param({"spec.namespaces": []}, SELECT, id="an-empty-list-selects-nothing"),
        pytest.param(
            {"spec.podSelector": {"matchExpressions": [{"key": "app", "operator": "In"}]}},
            VALUES,
            id="in-without-values",
        ),
        pytest.param(
            {"spec.namespaceSelector": {"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["b"]}]}},
            VALUES,
            id="exists-with-values",
        ),
        pytest.param(
            {"spec.podSelector": {"matchExpressions": [{"key": "app", "operator": "Like", "values": ["b"]}]}},
            'supported values: "In", "NotIn", "Exists", "DoesNotExist"',
            id="no-such-operator",
        ),
        pytest.param({"spec.interval": "30"}, "spec.interval", id="interval-without-a-unit"),
        pytest.param({"spec.interval": "500ms"}, "spec.interval", id="interval-in-milliseconds"),
        pytest.param({"spec.interval": "-30s"}, "spec.interval", id="interval-below-zero"),
        pytest.param(
            {"spec.interval": "0s"},
            "must be a duration between 1s and 1h, for example 30s",
            id="interval-of-zero",
        ),
        pytest.param(
            {"spec.interval": "61m"},
            "must be a duration between 1s and 1h, for example 30s",
            id="interval-too-long",
        ),
        pytest.param({"spec.interval": "1" * 20 + "s"}, "may not be more than 16", id="interval-of-many-digits"),
        pytest.param(
            {"spec.sources.prometheus.url": "prometheus:9090"},
            "spec.sources.prometheus.url",
            id="url-without-a-scheme",
        ),
        pytest.param(
            {"spec.sources.prometheus.timeout": "3m"},
            "must be a duration between 1s and 2m, for example 10s",
            id="time-out-too-long",
        ),
        pytest.param(
            {"spec.sources.prometheus.bearerToken": {"key": "token"}},
            "spec.sources.prometheus.bearerToken.name: Required value",
            id="secret-without-a-name",
        ),
        pytest.param(
            {"spec.detection.falseAlarmsPerPodDay": "1", "spec.detection.thresholdPermille": 900},
            "set falseAlarmsPerPodDay or thresholdPermille, not both",
            id="two-thresholds",
        ),
        pytest.param(
            {"spec.detection.falseAlarmsPerPodDay": "0"},
            "must be a quantity above 0 and at most 100, for example 0.1",
            id="a-budget-of-nothing",
        ),
        pytest.param(
            {"spec.detection.falseAlarmsPerPodDay": "101"},
            "must be a quantity above 0 and at most 100, for example 0.1",
            id="a-budget-too-large",
        ),
        pytest.param(
            {"spec.detection.falseAlarmsPerPodDay": "many"},
            "spec.detection.falseAlarmsPerPodDay",
            id="a-budget-in-words",
        ),
        pytest.param(
            {"spec.detection.thresholdPermille": 1001},
            "should be less than or equal to 1000",
            id="a-probability-above-one",
        ),
        pytest.param(
            {"spec.detection.thresholdPermille": 0.8},
            "must be of type integer",
            id="a-probability-as-a-fraction",
        ),
        pytest.param(
            {"spec.detection.model": "GRU"},
            'supported values: "LSTM", "Statistics", "Z3", "AdaptiveZ"',
            id="no-such-model",
        ),
        pytest.param(
            {"spec.detection.minimumDuration": "2h"},
            "must be a duration between 0s and 1h, for example 1m",
            id="minimum-duration-too-long",
        ),
        pytest.param(
            {"spec.remediation.mode": "Auto"},
            'supported values: "Off", "Suggest", "SuggestAndDryRun"',
            id="no-such-mode",
        ),
        pytest.param(
            {"spec.remediation.allowedActions": ["Delete"]},
            "should match '^(Restart|Scale|",
            id="no-such-action",
        ),
        pytest.param(
            {"spec.remediation.cooldown": "200h"},
            "must be a duration between 0s and 168h, for example 15m",
            id="cooldown-too-long",
        ),
        pytest.param(
            {"spec.remediation.approvalTimeout": "5s"},
            "must be a duration between 1m and 72h, for example 1h",
            id="approval-time-out-too-short",
        ),
        pytest.param(
            {"spec.remediation.validationWindow": "1s"},
            "must be a duration between 10s and 1h, for example 3m",
            id="validation-window-too-short",
        ),
        pytest.param(
            {"spec.reports.ttl": "1m"},
            "must be a duration between 10m and 2160h, for example 72h",
            id="reports-kept-too-shortly",
        ),
        pytest.param(
            {"spec.reports.maximumActive": 0},
            "should be greater than or equal to 1",
            id="no-report-allowed",
        ),
        pytest.param(
            {"spec.namespaces": ["a" * 64]}, "may not be more than 63", id="a-name-that-no-namespace-can-have"
        ),
        pytest.param(
            {"spec.namespaces": ["shop"] * 1001}, "must have at most 1000 items", id="too-many-namespaces"
        ),
    ],
)  # fmt: skip
def test_a_wrong_monitor_is_refused(cluster: ControlPlane, change: dict[str, Any], message: str) -> None:
    assert message in create(cluster, changed(monitor(), change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"spec.signal": "Slow"}, 'supported values: "CPUHigh"', id="no-such-signal"),
        pytest.param({"spec.target.uid": None}, "spec.target.uid: Required value", id="target-without-a-uid"),
        pytest.param({"spec.monitor": ""}, "should be at least 1 chars long", id="no-monitor"),
    ],
)
def test_a_wrong_report_is_refused(cluster: ControlPlane, change: dict[str, Any], message: str) -> None:
    assert message in create(cluster, changed(report(), change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"spec.plan.action": "Delete"}, "should match '^(Restart|Scale|", id="no-such-action"),
        pytest.param(
            {"spec.plan.target.kind": "Job"},
            "Restart needs a spec.plan.target of kind Deployment or StatefulSet or DaemonSet",
            id="restart-of-a-job",
        ),
        pytest.param(
            {
                "spec.plan.action": "Scale",
                "spec.plan.parameters": {"replicas": 2},
                "spec.plan.target.kind": "DaemonSet",
            },
            "Scale needs a spec.plan.target of kind Deployment or StatefulSet",
            id="scale-of-a-daemon-set",
        ),
        pytest.param({"spec.plan.report": None}, "spec.plan.report is missing: name", id="no-report"),
        pytest.param({"spec.plan.action": "Scale"}, SCALE_NEEDS, id="scale-to-nothing-said"),
        pytest.param(
            {"spec.plan.parameters": {"replicas": 2}}, SCALE_NEEDS, id="restart-with-a-replica-count"
        ),
        pytest.param(
            {"spec.plan.action": "Scale", "spec.plan.parameters": {"replicas": -1}},
            "should be greater than or equal to 0",
            id="fewer-replicas-than-none",
        ),
        pytest.param(
            {"spec.plan.action": "Scale", "spec.plan.parameters": {"replicas": 10_001}},
            "should be less than or equal to 10000",
            id="a-mistyped-replica-count",
        ),
        pytest.param({"spec.plan.expiresAt": None}, "spec.plan.expiresAt: Required value", id="no-expiry"),
        pytest.param({"spec.plan.expiresAt": "soon"}, "spec.plan.expiresAt", id="an-expiry-in-words"),
        pytest.param({"spec.requestedBy": None}, "spec.requestedBy: Required value", id="nobody-asks"),
        pytest.param({"spec.plan.message": "a" * 1025}, "may not be more than 1024", id="a-message-too-long"),
        pytest.param(
            {"spec.approval": {"decision": "Maybe"}},
            'supported values: "Approved", "Denied"',
            id="no-such-decision",
        ),
        pytest.param({"spec.plan.validationWindow": "3 m"}, "spec.plan.validationWindow", id="no-duration"),
    ],
)
def test_a_wrong_request_is_refused(cluster: ControlPlane, change: dict[str, Any], message: str) -> None:
    assert message in create(cluster, changed(request(), change))


@pytest.mark.parametrize(
    ("body", "change", "message"),
    [
        pytest.param(report("kept-1"), {"spec.signal": "CPUHigh"}, KEEPS, id="signal"),
        pytest.param(report("kept-2"), {"spec.monitor": "other"}, KEEPS, id="monitor"),
        pytest.param(report("kept-3"), {"spec.target.name": "db"}, KEEPS, id="target"),
        pytest.param(report("kept-4"), {"spec.target.uid": "new"}, "", id="the-target-was-made-again"),
        pytest.param(
            request("kept-5"),
            {"spec.plan.message": "else"},
            "the plan and requestedBy are immutable: deny this request and create another one",
            id="plan",
        ),
    ],
)
def test_what_may_change_later(
    cluster: ControlPlane, body: Object, change: dict[str, Any], message: str
) -> None:
    assert apply(cluster, body) == ""
    objection = apply(cluster, changed(body, change))
    assert message in objection
    assert bool(objection) is bool(message)


def test_an_unknown_field_is_named(cluster: ControlPlane) -> None:
    body = changed(monitor(), {"spec.intervall": "30s"})
    assert 'unknown field "spec.intervall"' in apply(cluster, body)


def test_defaults_are_filled_in(cluster: ControlPlane) -> None:
    assert apply(cluster, monitor("defaults")) == ""
    stored = AnomalyMonitor.model_validate(get(cluster, "anmon", "defaults"))
    written = stored.spec.dump()
    # An empty list is no default that a server fills in: it is absent.
    written["remediation"] = {key: value for key, value in written["remediation"].items() if value != []}
    assert get(cluster, "anmon", "defaults")["spec"] == written
    assert stored.spec == MonitorSpec(namespaces=("shop",))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param(monitor("apart"), {"podsWatched": 3}, id="anmon"),
        pytest.param(report("apart"), {"podsAffected": 2}, id="anom"),
        pytest.param(request("apart"), {"observedGeneration": 7}, id="remreq"),
    ],
)
def test_the_status_is_written_apart(cluster: ControlPlane, body: Object, status: Object) -> None:
    kind, name = body["kind"].lower(), body["metadata"]["name"]
    assert apply(cluster, body | {"status": status}) == ""
    stored = get(cluster, kind, name)
    assert "status" not in stored
    patch = json.dumps({"status": status, "spec": {"requestedBy": "x", "signal": "x", "interval": "x"}})
    cluster.kubectl("patch", kind, name, "--subresource=status", "--type=merge", "-p", patch)
    after = get(cluster, kind, name)
    assert after["status"] == status
    assert after["spec"] == stored["spec"]
    assert after["metadata"]["generation"] == 1


@pytest.mark.parametrize(
    ("body", "status", "columns", "row"),
    [
        pytest.param(
            monitor("columns"),
            {
                "conditions": [condition("Ready", "True", "Running")],
                "podsWatched": 12,
                "podsScored": 11,
                "reportsActive": 1,
            },
            "NAME READY REASON PODS SCORED REPORTS INTERVAL AGE",
            "columns True Running 12 11 1 30s",
            id="anmon",
        ),
        pytest.param(
            report("columns"),
            {
                "conditions": [condition("Active", "True", "AnomalyObserved")],
                "severity": "Warning",
                "podsAffected": 2,
            },
            "NAME KIND TARGET SIGNAL SEVERITY ACTIVE PODS SEEN AGE",
            "columns Deployment web MemoryHigh Warning True 2",
            id="anom",
        ),
        pytest.param(
            changed(request("columns"), {"spec.approval": {"decision": "Approved", "approvedBy": "alice"}}),
            {
                "conditions": [
                    condition("Preflighted", "True", "PreflightPassed"),
                    condition("Executed", "True", "Executed"),
                    condition("Succeeded", "False", "Ineffective"),
                ]
            },
            "NAME ACTION TARGET PREFLIGHTED DECISION BY EXECUTED OUTCOME AGE",
            "columns Restart web True Approved alice True Ineffective",
            id="remreq",
        ),
    ],
)
def test_kubectl_get_shows(
    cluster: ControlPlane, body: Object, status: Object, columns: str, row: str
) -> None:
    kind = body["kind"].lower()
    assert apply(cluster, body) == ""
    patch = json.dumps({"status": status})
    cluster.kubectl("patch", kind, "columns", "--subresource=status", "--type=merge", "-p", patch)
    head, line = cluster.kubectl("get", kind, "columns").stdout.splitlines()
    assert head.split() == columns.split()
    assert line.split()[: len(row.split())] == row.split()


@pytest.mark.parametrize(
    ("kind", "selector"),
    [
        ("anom", "spec.target.name=selected"),
        ("anom", "spec.target.kind=StatefulSet"),
        ("anom", "spec.signal=OOMKilled"),
        ("anom", "status.severity=Critical"),
        ("remreq", "spec.plan.target.name=selected"),
        ("remreq", "spec.plan.target.kind=StatefulSet"),
        ("remreq", "spec.plan.action=Scale"),
    ],
)
def test_field_selectors_find(cluster: ControlPlane, namespace: str, kind: str, selector: str) -> None:
    target = {"spec.target.name": "selected", "spec.target.kind": "StatefulSet", "spec.signal": "OOMKilled"}
    plan = {
        "spec.plan.target.name": "selected",
        "spec.plan.target.kind": "StatefulSet",
        "spec.plan.action": "Scale",
        "spec.plan.parameters": {"replicas": 2},
    }
    wanted = changed(report("wanted", namespace), target), changed(request("wanted", namespace), plan)
    bodies = [*wanted, report("other", namespace), request("other", namespace)]
    assert apply(cluster, {"apiVersion": "v1", "kind": "List", "items": bodies}) == ""
    severity = ("--type=merge", "-p", '{"status":{"severity":"Critical"}}')
    cluster.kubectl("patch", "anom", "wanted", "-n", namespace, "--subresource=status", *severity)
    found = get(cluster, kind, "-n", namespace, f"--field-selector={selector}")
    assert [item["metadata"]["name"] for item in found["items"]] == ["wanted"]


def test_the_category_lists_all_kinds(cluster: ControlPlane) -> None:
    listed = cluster.kubectl("api-resources", "--categories=podvigil", "-o=name").stdout.split()
    assert sorted(listed) == [f"{kind}.podvigil.io" for kind in KINDS]
