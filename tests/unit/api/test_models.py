"""The models read what the server returns, and write what it takes."""

from typing import Any

import pytest
from pydantic import ValidationError

from podvigil.api.actions import TARGET_KINDS, ActionName
from podvigil.api.base import ApiModel
from podvigil.api.features import MODEL_FEATURES, UNITS, Feature, written
from podvigil.api.monitor import AnomalyMonitor
from podvigil.api.reasons import Reason
from podvigil.api.report import AnomalyReport
from podvigil.api.request import RemediationRequest
from podvigil.api.selectors import LabelSelector
from podvigil.api.signals import MODEL_SIGNALS
from samples import Object, changed, monitor, report, request

SERVER_SIDE = {
    "metadata.uid": "0b5f",
    "metadata.resourceVersion": "17",
    "metadata.generation": 1,
    "metadata.managedFields": [{"manager": "podvigil", "operation": "Update"}],
}


@pytest.mark.parametrize(
    ("model", "body"),
    [(AnomalyMonitor, monitor()), (AnomalyReport, report()), (RemediationRequest, request())],
    ids=["monitor", "report", "request"],
)
def test_a_stored_object_is_written_back_as_it_was(model: type[ApiModel], body: Object) -> None:
    stored = changed(body, SERVER_SIDE)
    read = model.model_validate(stored)
    assert model.model_validate(read.dump()) == read
    assert read.dump()["metadata"] == stored["metadata"]


def test_a_request_keeps_every_value() -> None:
    body = changed(
        request(), {"spec.approval": {"decision": "Approved", "approvedBy": "alice", "reason": "ok"}}
    )
    spec = RemediationRequest.model_validate(body).dump()["spec"]
    defaults = {"validationWindow": "3m", "dryRun": False}
    assert spec == body["spec"] | {"plan": body["spec"]["plan"] | defaults}


def test_fields_of_a_newer_version_are_left_out() -> None:
    body = changed(report(), {"spec.newer": 1, "status": {"newer": 1}})
    assert "newer" not in AnomalyReport.model_validate(body).dump()["spec"]


@pytest.mark.parametrize(
    ("model", "body", "change"),
    [
        pytest.param(AnomalyMonitor, monitor(), {"spec.interval": "soon"}, id="interval"),
        pytest.param(AnomalyMonitor, monitor(), {"spec.detection": {"model": "GRU"}}, id="model"),
        pytest.param(AnomalyReport, report(), {"spec.signal": "Slow"}, id="signal"),
        pytest.param(AnomalyReport, report(), {"spec.target": None}, id="target"),
        pytest.param(RemediationRequest, request(), {"spec.plan.action": "Delete"}, id="action"),
        pytest.param(RemediationRequest, request(), {"kind": "AnomalyReport"}, id="kind"),
    ],
)
def test_what_the_server_would_refuse_is_refused(
    model: type[ApiModel], body: Object, change: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        model.model_validate(changed(body, change))


@pytest.mark.parametrize("name", [".", "..", "a/b", "Web", "web\n", "-web", "web.", "a..b", "a,b"])
@pytest.mark.parametrize("path", ["spec.plan.target.name", "spec.plan.report.name", "spec.plan.monitor"])
def test_a_name_of_no_object_is_refused(path: str, name: str) -> None:
    with pytest.raises(ValidationError, match="pattern"):
        RemediationRequest.model_validate(changed(request(), {path: name}))


@pytest.mark.parametrize("name", ["web", "w", "web-1.shop", "ip-10-0-0-1.eu-west-1.compute.internal", "0"])
def test_a_name_is_a_dns_subdomain(name: str) -> None:
    read = RemediationRequest.model_validate(changed(request(), {"spec.plan.target.name": name}))
    assert read.spec.plan.target.name == name


def test_a_time_is_kept_in_utc() -> None:
    body = changed(request(), {"spec.plan.expiresAt": "2026-03-01T18:00:00+02:00"})
    plan = RemediationRequest.model_validate(body).spec.plan
    assert f"{plan.expires_at:%Y-%m-%dT%H:%M:%SZ}" == "2026-03-01T16:00:00Z"


@pytest.mark.parametrize(
    "time", ["9999-12-31T23:59:59-23:00", "0001-01-01T00:00:00+23:00", "2026-03-01T18:00:00"]
)
def test_a_time_that_cannot_be_written_in_utc_is_refused(time: str) -> None:
    with pytest.raises(ValidationError, match="a time"):
        RemediationRequest.model_validate(changed(request(), {"spec.plan.expiresAt": time}))


def test_an_object_is_frozen() -> None:
    read = RemediationRequest.model_validate(request())
    with pytest.raises(ValidationError):
        read.spec.requested_by = "eve"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("selector", "text"),
    [
        pytest.param({}, "", id="everything"),
        pytest.param({"matchLabels": {"b": "2", "a": "1"}}, "a=1,b=2", id="labels-are-sorted"),
        pytest.param({"matchLabels": {"a": ""}}, "a=", id="an-empty-value"),
        pytest.param(
            {"matchExpressions": [{"key": "a", "operator": "In", "values": ["x", "y"]}]},
            "a in (x,y)",
            id="in",
        ),
        pytest.param(
            {"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["x"]}]},
            "a notin (x)",
            id="not-in",
        ),
        pytest.param({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, "a", id="exists"),
        pytest.param(
            {"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}, "!a", id="does-not-exist"
        ),
        pytest.param(
            {"matchLabels": {"z": "1"}, "matchExpressions": [{"key": "a", "operator": "Exists"}]},
            "z=1,a",
            id="both",
        ),
    ],
)
def test_a_selector_is_written_as_the_query_takes_it(selector: Object, text: str) -> None:
    assert LabelSelector.model_validate(selector).written() == text


@pytest.mark.parametrize(
    ("feature", "value", "text"),
    [
        (Feature.CPU, 0.25, "250m"),
        (Feature.MEMORY, 412 * 2.0**20, "412Mi"),
        (Feature.NETWORK_RECEIVE, 1536.0, "1.5KiB/s"),
        (Feature.RESTARTS, 3.0, "3"),
        (Feature.THROTTLING, 0.5, "50%"),
    ],
)
def test_a_value_is_written_for_people(feature: Feature, value: float, text: str) -> None:
    assert written(feature, value) == text


def test_the_closed_sets_fit_together() -> None:
    assert set(UNITS) == set(Feature)
    assert set(MODEL_SIGNALS) == {(feature, above) for feature in MODEL_FEATURES for above in (True, False)}
    assert set(TARGET_KINDS) == set(ActionName)


@pytest.mark.parametrize("reason", list(Reason), ids=str)
def test_a_reason_is_one_camel_case_word(reason: Reason) -> None:
    assert reason.value.isalpha()
    assert reason.value[0].isupper()
    assert len(reason.value) <= 64
