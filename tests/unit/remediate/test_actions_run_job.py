"""RunJob: what its owner must have said, how far the Job is, and what its end means."""

from datetime import timedelta
from typing import Any

import pytest

from podvigil.api.reasons import Reason
from podvigil.api.request import Health
from podvigil.remediate.actions.base import Change, Progress, Undo
from podvigil.remediate.actions.run_job import RunJob, job_body
from podvigil.remediate.targets.cronjob import CronJobState, cronjob_state
from podvigil.remediate.validation.effect import Effect
from samples import Object, changed
from unit.remediate.world import NOW, UID, active, report, request

RUN_JOB = RunJob()
PLAN = request(
    {
        "spec.plan.action": "RunJob",
        "spec.plan.target": {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "name": "flush",
            "uid": "c1",
            "generation": 3,
        },
    }
).spec.plan
CRONJOB: Object = {
    "apiVersion": "batch/v1",
    "kind": "CronJob",
    "metadata": {
        "name": "flush",
        "namespace": "shop",
        "uid": "c1",
        "resourceVersion": "5",
        "generation": 3,
        "annotations": {"podvigil.io/remediation-job": "true"},
    },
    "spec": {
        "jobTemplate": {
            "metadata": {"labels": {"team": "shop"}, "annotations": {"note": "x"}},
            "spec": {"template": {"spec": {"containers": [{"name": "app", "image": "tools"}]}}},
        }
    },
}
JOB: Object = {
    "metadata": {
        "name": "flush-request-",
        "uid": "j1",
        "labels": {"podvigil.io/remediation": UID},
        "ownerReferences": [{"uid": "c1"}],
    },
    "status": {"active": 1},
}


def ended(kind: str, **more: str) -> Object:
    return changed(JOB, {"status": {"conditions": [{"type": kind, "status": "True", **more}]}})


COMPLETE = ended("Complete")
FAILED = ended("Failed", reason="BackoffLimitExceeded", message="it has failed once")


def cronjob(*jobs: Object, **change: Any) -> CronJobState:
    return cronjob_state(changed(CRONJOB, {k.replace("__", "."): v for k, v in change.items()}), jobs)


SEEN = Health(replicas=0, ready_replicas=0)
"""What a look leaves of a CronJob: that there was one."""
CHANGE = RUN_JOB.change(cronjob(), PLAN, token=UID, now=NOW)


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        pytest.param(cronjob(), None, id="offered"),
        pytest.param(cronjob(spec__suspend=True), None, id="suspended-is-for-running-by-hand"),
        pytest.param(cronjob(metadata__annotations={}), Reason.ACTION_NOT_ALLOWED, id="not-offered"),
        pytest.param(
            cronjob(metadata__annotations={"podvigil.io/remediation-job": "yes"}),
            Reason.ACTION_NOT_ALLOWED,
            id="offered-in-other-words",
        ),
        pytest.param(
            cronjob(spec__successfulJobsHistoryLimit=0), Reason.UNSUPPORTED_TARGET, id="forgets-its-jobs"
        ),
        pytest.param(cronjob(status={"active": [{"name": "flush-1"}]}), None, id="two-at-once-are-allowed"),
        pytest.param(
            cronjob(spec__concurrencyPolicy="Forbid", status={"active": [{"name": "flush-1"}]}),
            Reason.JOB_RUNNING,
            id="its-schedule-runs-one",
        ),
        pytest.param(
            cronjob(JOB, spec__concurrencyPolicy="Replace"), Reason.JOB_RUNNING, id="another-request-runs-one"
        ),
    ],
)
def test_what_speaks_against_it(target: CronJobState, reason: Reason | None) -> None:
    refusal = RUN_JOB.objection(target, PLAN)
    assert (refusal.reason if refusal else None) == reason


@pytest.mark.parametrize(
    ("target", "progress", "undo"),
    [
        pytest.param(cronjob(), Progress.DUE, Undo.GONE, id="not-there"),
        pytest.param(cronjob(metadata__generation=4), Progress.FOREIGN, Undo.GONE, id="edited-and-not-there"),
        pytest.param(cronjob(JOB), Progress.UNDER_WAY, Undo.DUE, id="it-runs"),
        pytest.param(cronjob(JOB, metadata__generation=4), Progress.UNDER_WAY, Undo.DUE, id="edited-since"),
        pytest.param(cronjob(COMPLETE), Progress.DONE, Undo.NOTHING, id="completed"),
        pytest.param(cronjob(FAILED), Progress.DONE, Undo.NOTHING, id="failed"),
        pytest.param(
            cronjob(changed(JOB, {"metadata.labels": {"podvigil.io/remediation": "other"}})),
            Progress.DUE,
            Undo.GONE,
            id="another-requests",
        ),
        pytest.param(
            cronjob(changed(JOB, {"metadata.ownerReferences": [{"uid": "c2"}]})),
            Progress.DUE,
            Undo.GONE,
            id="another-cronjobs",
        ),
    ],
)
def test_how_far_it_is(target: CronJobState, progress: Progress, undo: Undo) -> None:
    assert RUN_JOB.progress(target, PLAN, CHANGE) is progress
    assert RUN_JOB.undo(target, PLAN, CHANGE) is undo


@pytest.mark.parametrize(
    ("job", "previous", "is_active", "seconds", "outcome"),
    [
        pytest.param(FAILED, None, "False", 0, Reason.INEFFECTIVE, id="it-failed"),
        pytest.param(COMPLETE, None, "False", 0, None, id="completed-and-the-window-is-open"),
        pytest.param(COMPLETE, SEEN, "False", 180, Reason.SUCCEEDED, id="completed-and-the-report-is-calm"),
        pytest.param(COMPLETE, SEEN, "True", 180, Reason.INEFFECTIVE, id="completed-and-nothing-is-better"),
        pytest.param(COMPLETE, SEEN, "Unknown", 180, Reason.INCONCLUSIVE, id="completed-and-nobody-knows"),
        pytest.param(None, None, "False", 0, Reason.INCONCLUSIVE, id="gone-before-anybody-looked"),
        pytest.param(None, SEEN, "False", 60, None, id="seen-complete-and-gone-since"),
        pytest.param(None, SEEN, "False", 180, Reason.SUCCEEDED, id="seen-complete-and-the-report-is-calm"),
        pytest.param(None, SEEN, "True", 180, Reason.INEFFECTIVE, id="seen-complete-and-nothing-is-better"),
    ],
)
def test_what_its_end_means(
    job: Object | None, previous: Health | None, is_active: str, seconds: float, outcome: Reason | None
) -> None:
    now = NOW + timedelta(seconds=seconds)
    effect = Effect(
        target=cronjob(*([job] if job else [])),
        plan=PLAN,
        report=report(active(is_active, seconds)),
        baseline=Health(replicas=0, ready_replicas=0),
        previous=previous,
        begun_at=NOW - timedelta(seconds=2),
        changed_at=NOW - timedelta(seconds=1),
        until=NOW + timedelta(seconds=180),
        interval_seconds=30,
        token=UID,
    )
    verdict = RUN_JOB.judge(effect, now=now)
    assert (verdict.outcome if verdict else None) == outcome


def test_the_job_is_as_kubectl_makes_it() -> None:
    body = job_body(cronjob(), CHANGE)
    assert body["metadata"]["name"] == "flush-request-"
    assert body["metadata"]["labels"] == {"team": "shop", "podvigil.io/remediation": UID}
    assert body["metadata"]["annotations"] == {"cronjob.kubernetes.io/instantiate": "manual", "note": "x"}
    assert body["metadata"]["ownerReferences"][0]["controller"] is True
    assert body["spec"] == CRONJOB["spec"]["jobTemplate"]["spec"]


@pytest.mark.parametrize(("given", "kept"), [(0, 7200), (7200, 7200), (86400, 86400)])
def test_the_job_stays_until_it_is_judged(given: int, kept: int) -> None:
    target = cronjob(spec__jobTemplate__spec__ttlSecondsAfterFinished=given)
    assert job_body(target, CHANGE)["spec"]["ttlSecondsAfterFinished"] == kept


def test_a_name_has_room_for_the_request() -> None:
    long = cronjob(metadata__name="c" * 52)
    name = RUN_JOB.change(long, PLAN, token="8f3c0d52-aaaa", now=NOW).after["job"]
    assert name == "c" * 52 + "-8f3c0d52"
    assert len(name) <= 63


def test_the_change_fits_the_schema() -> None:
    assert isinstance(CHANGE, Change)
    assert CHANGE.before.keys() == CHANGE.after.keys()
