"""What a report says over its whole life."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podvigil.api.conditions import ConditionStatus, find_condition
from podvigil.api.features import MODEL_FEATURES, Feature
from podvigil.api.reasons import Reason
from podvigil.api.report import PODS_LISTED_MAX, AnomalyReport, ReportStatus, RequestReference
from podvigil.api.signals import Severity, Signal
from podvigil.controllers.monitor.reporter import restored
from podvigil.controllers.monitor.reports import (
    MONITOR_LABEL,
    active_status,
    closed_status,
    contributions,
    name_of,
    new_report,
    proposed_status,
    summary,
    unseen_status,
)
from podvigil.detect.explain import FeatureShare
from podvigil.detect.incidents import Incident
from podvigil.diagnose.rules import facts_of
from podvigil.remediate.propose.episode import Answer
from podvigil.remediate.refusal import Refusal
from unit.detect.troubles import NOW, WEB, at, finding, incident, leak, share

REQUEST = RequestReference(name="web-memoryhigh-restart-1", uid="uid-request")
ANSWER = Answer(REQUEST, "it waits")


def active(
    one: Incident | None = None,
    before: ReportStatus | None = None,
    *,
    now: datetime = NOW,
    threshold: float | None = 3.25,
) -> ReportStatus:
    return active_status(one or incident(), before or ReportStatus(), threshold=threshold, now=now)


def closed(before: ReportStatus) -> ReportStatus:
    over = incident(last_evaluated=at(300))
    return closed_status(over, before, reason=Reason.ANOMALY_GONE, message="over", now=at(300))


def said(status: ReportStatus, kind: str) -> tuple[ConditionStatus, str, str]:
    found = find_condition(status.conditions, kind)
    assert found is not None
    return found.status, found.reason, found.message


# -- the object


def test_a_report_is_named_by_its_monitor_target_and_signal() -> None:
    report = new_report(incident(), "shop")
    assert report.metadata["name"] == name_of("shop", WEB, Signal.MEMORY_HIGH.value)
    assert report.metadata["name"].startswith("web-memoryhigh-")
    later = new_report(incident(since=at(999), findings=()), "shop")
    assert report.metadata["name"] == later.metadata["name"]
    assert report.metadata["name"] != new_report(incident(), "other").metadata["name"]
    assert report.metadata["name"] != new_report(incident(signal=Signal.CPU_HIGH), "shop").metadata["name"]
    assert report.metadata["namespace"] == "shop"
    assert (report.spec.monitor, report.spec.signal) == ("shop", Signal.MEMORY_HIGH)
    assert (report.spec.target.kind, report.spec.target.name, report.spec.target.uid) == (
        "Deployment",
        "web",
        WEB.uid,
    )


@pytest.mark.parametrize("monitor", ["shop", "m" * 62 + ".x", "m" * 61 + "--x", "m" * 253])
def test_the_label_is_one_whatever_the_monitors_name(monitor: str) -> None:
    report = new_report(incident(), monitor)
    label = report.metadata["labels"][MONITOR_LABEL]
    assert len(label) <= 63
    assert label[-1].isalnum()
    assert report.spec.monitor == monitor, "the whole name is in the spec"


# -- a life


def test_what_a_new_report_says() -> None:
    status = active(incident(findings=(finding("web-2", score=5.1234), finding("web-1"))))
    assert said(status, "Active")[:2] == (ConditionStatus.TRUE, Reason.ANOMALY_OBSERVED)
    assert "2 of 3 pods" in said(status, "Active")[2]
    assert said(status, "Explained")[:2] == (ConditionStatus.TRUE, Reason.RULE_MATCHED)
    assert (status.first_seen, status.last_seen, status.last_evaluated) == (NOW, at(60), at(60))
    assert (status.count, status.pods_affected, status.pods_evaluated) == (1, 2, 3)
    assert (status.score_milli, status.threshold_milli, status.probability_permille) == (5123, 3250, 900)
    assert status.affected_pods == ("web-2", "web-1")
    assert status.severity is Severity.CRITICAL  # two of three
    assert status.explanation is not None
    assert [c.share_permille for c in status.explanation] == [1000]
    assert status.diagnosis is not None
    assert status.recommendations is not None
    assert status.request is None


def test_a_refresh_follows_the_trouble() -> None:
    first = active()
    worse = active(
        incident(findings=(finding("web-2", score=9.0), finding()), last_seen=at(90), last_evaluated=at(90)),
        first,
        now=at(90),
    )
    assert (worse.first_seen, worse.last_seen, worse.count) == (NOW, at(90), 1)
    assert (worse.pods_affected, worse.score_milli) == (2, 9000)
    assert [c.last_transition_time for c in worse.conditions] == [NOW, NOW], "the status did not change"


BUSY = finding(
    signal=Signal.CPU_HIGH, explanation=(share(Feature.CPU, 0.6), share(Feature.NETWORK_RECEIVE, 0.4))
)


@pytest.mark.parametrize("one", [finding(), BUSY], ids=["leak", "load"])
def test_between_two_findings_the_last_explanation_stands(one: Any) -> None:
    trouble = incident(signal=one.signal, findings=(one,))
    first = active(trouble)
    calm = active(replace(trouble, findings=(), last_evaluated=at(90)), first, now=at(90))
    assert (calm.explanation, calm.diagnosis, calm.recommendations) == (
        first.explanation,
        first.diagnosis,
        first.recommendations,
    )
    assert said(calm, "Explained") == said(first, "Explained"), "it says what the diagnosis says"
    assert (calm.severity, calm.summary, calm.score_milli) == (
        first.severity,
        first.summary,
        first.score_milli,
    )
    assert (calm.pods_affected, calm.pods_evaluated) == (0, 3)
    assert (calm.last_seen, calm.last_evaluated, calm.count) == (at(60), at(90), 1)
    assert said(calm, "Active")[0] is ConditionStatus.TRUE


def test_a_report_that_is_over() -> None:
    first = active()
    over = closed(first)
    assert said(over, "Active") == (ConditionStatus.FALSE, Reason.ANOMALY_GONE, "over")
    assert (over.first_seen, over.last_seen, over.last_evaluated) == (NOW, at(60), at(300))
    assert (over.pods_affected, over.pods_evaluated, over.affected_pods) == (0, 3, None)
    assert (over.diagnosis, over.explanation, over.count) == (first.diagnosis, first.explanation, 1)


def test_the_next_episode_counts_and_starts_without_a_request() -> None:
    linked = proposed_status(active(), ANSWER, now=at(61))
    again = active(
        incident(since=at(900), last_seen=at(960), last_evaluated=at(960)), closed(linked), now=at(960)
    )
    assert (again.count, again.first_seen, again.request) == (2, at(900), None)
    assert find_condition(again.conditions, "Proposed") is None, "nothing was proposed for this episode yet"
    found = find_condition(again.conditions, "Active")
    assert found is not None
    assert (found.status, found.last_transition_time) == (ConditionStatus.TRUE, at(960))


def test_the_request_is_kept_within_an_episode() -> None:
    linked = proposed_status(active(), ANSWER, now=at(61))
    assert linked.request == REQUEST
    assert said(linked, "Proposed") == (ConditionStatus.TRUE, Reason.REQUEST_PROPOSED, "it waits")
    for later in (
        active(incident(last_seen=at(90)), linked, now=at(90)),
        active(incident(findings=()), linked, now=at(90)),
        unseen_status(linked, "no data", now=at(90)),
        closed(linked),
    ):
        assert later.request == REQUEST
        assert said(later, "Proposed") == said(linked, "Proposed")


def test_why_nothing_is_proposed() -> None:
    refused = proposed_status(active(), Refusal(Reason.REMEDIATION_OFF, "reports only"), now=at(61))
    assert said(refused, "Proposed") == (ConditionStatus.FALSE, Reason.REMEDIATION_OFF, "reports only")
    assert refused.request is None


def test_unseen_is_neither_there_nor_gone() -> None:
    first = active()
    unseen = unseen_status(first, "no pod could be judged since 10:01:00 UTC", now=at(600))
    assert said(unseen, "Active")[:2] == (ConditionStatus.UNKNOWN, Reason.NOT_EVALUATED)
    # Everything else is as old as it was; an old time means that nothing is known.
    same = ("last_evaluated", "last_seen", "severity", "explanation", "pods_affected", "count", "first_seen")
    assert all(getattr(unseen, name) == getattr(first, name) for name in same)


def test_seen_again_it_is_active_again() -> None:
    unseen = unseen_status(active(), "no data", now=at(600))
    again = active(incident(last_seen=at(660), last_evaluated=at(660)), unseen, now=at(660))
    found = find_condition(again.conditions, "Active")
    assert found is not None
    assert (found.status, found.last_transition_time, again.count) == (ConditionStatus.TRUE, at(660), 1)


# -- what is odd


@pytest.mark.parametrize("signal", Signal)
def test_every_signal_makes_a_report_that_the_schema_takes(signal: Signal) -> None:
    certain = finding(signal=signal, score=None, probability=1.0, explanation=(), evidence=("seen " * 99,))
    status = active(incident(signal=signal, findings=(certain,)))
    assert ReportStatus.model_validate(status.dump()) == status
    assert (status.score_milli, status.probability_permille, status.explanation) == (None, 1000, None)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_number_that_is_none_is_left_out(bad: float) -> None:
    status = active(incident(findings=(finding(score=bad, probability=bad),)), threshold=None)
    assert status.score_milli is status.threshold_milli is status.probability_permille is None


def test_many_pods_are_counted_and_ten_are_named() -> None:
    crowd = tuple(finding(f"web-{i:02}") for i in range(40))
    status = active(incident(findings=crowd, evaluated=40))
    assert status.pods_affected == 40
    assert status.affected_pods is not None
    assert status.affected_pods == tuple(f"web-{i:02}" for i in range(PODS_LISTED_MAX))


def test_times_are_written_to_the_second_and_are_the_same_when_read_back() -> None:
    odd = incident(since=at(0.7), last_seen=at(60.9), last_evaluated=at(60.9))
    status = active(odd, now=at(60.9))
    read = ReportStatus.model_validate(status.dump())
    assert (read.first_seen, read.last_seen) == (NOW, at(60))
    assert active(odd, read, now=at(90)).count == 1, "it is still the same episode"


def test_the_summary_begins_with_the_number() -> None:
    text = summary(facts_of(incident()))
    assert text.startswith("memory 412Mi, expected 200Mi")
    assert text.endswith("in 1 of 3 pods of Deployment shop/web")
    loop = incident(signal=Signal.CRASH_LOOP, findings=(finding(explanation=(), evidence=("held back",)),))
    assert summary(facts_of(loop)) == "CrashLoopBackOff in 1 of 3 pods of Deployment shop/web: held back"


# -- time to limit


LEAKING = incident(findings=(finding(), finding("web-2", forecast=leak(130)), finding("web-3")))


def test_the_first_pod_at_its_limit_is_told() -> None:
    status = active(LEAKING)
    assert status.time_to_limit is not None
    assert status.time_to_limit.dump() == {
        "feature": "memory",
        "pod": "web-2",
        "limit": "512Mi",
        "estimate": "2h10m",
        "earliest": "1h20m",  # 78 minutes, to five
        "latest": "3h15m",
    }
    assert status.summary == (
        f"{summary(facts_of(LEAKING))}; memory of web-2 reaches its limit of 512Mi in about 2h10m (1h20m to 3h15m)"
    )
    assert ReportStatus.model_validate(status.dump()) == status


@pytest.mark.parametrize(
    "later",
    [
        pytest.param(closed, id="over"),
        pytest.param(lambda s: unseen_status(s, "no data", now=at(600)), id="unseen"),
        pytest.param(lambda s: active(replace(LEAKING, findings=()), s), id="between-two-findings"),
    ],
)
def test_a_countdown_that_nobody_updates_is_taken_back(
    later: Callable[[ReportStatus], ReportStatus],
) -> None:
    status = later(active(LEAKING))
    assert status.time_to_limit is None
    assert status.summary == summary(facts_of(LEAKING))


def test_without_a_forecast_there_is_none() -> None:
    assert active().time_to_limit is None


# -- shares


SHARES = st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=len(MODEL_FEATURES))


@given(SHARES)
def test_the_shares_add_up_to_exactly_1000(parts: list[float]) -> None:
    shown = contributions(tuple(share(f, p) for f, p in zip(MODEL_FEATURES, parts, strict=False)))
    permille = [c.share_permille for c in shown]
    assert sum(permille) == 1000
    total = sum(parts)
    assert all(
        abs(whole - 1000 * part / total) < 1 + 1e-6 for whole, part in zip(permille, parts, strict=True)
    )
    assert [c.feature for c in shown] == list(MODEL_FEATURES[: len(parts)])


@pytest.mark.parametrize(
    "explanation", [(), (share(part=0.0),)], ids=["nothing-explains-it", "nothing-deviates"]
)
def test_no_shares(explanation: tuple[FeatureShare, ...]) -> None:
    assert contributions(explanation) == ()


def test_numbers_have_their_units() -> None:
    (memory,) = contributions((share(Feature.MEMORY),))
    assert (memory.observed, memory.expected, memory.expected_range) == ("412Mi", "200Mi", "180Mi to 240Mi")


# -- after a restart


def report(status: ReportStatus) -> AnomalyReport:
    """A report as the API server gives it back."""
    written = new_report(incident(), "shop")
    return AnomalyReport.model_validate({**written.dump(), "status": status.dump()})


def test_a_report_becomes_the_same_incident_again() -> None:
    again = restored(report(active()))
    assert again is not None
    assert again.key == incident().key
    assert again.workload == WEB
    assert (again.since, again.last_seen, again.last_evaluated) == (NOW, at(60), at(60))
    assert again.is_open
    later = replace(again, last_seen=at(120), last_evaluated=at(120), findings=(finding(),), evaluated=3)
    assert active(later, active(), now=at(120)).count == 1, "a restart is no new episode"


def test_what_was_unseen_is_still_followed() -> None:
    assert restored(report(unseen_status(active(), "no data", now=at(600)))) is not None


@pytest.mark.parametrize(
    "status",
    [
        pytest.param(closed(active()), id="over"),
        pytest.param(ReportStatus(), id="never-written"),
        pytest.param(active().model_copy(update={"first_seen": None}), id="nobody-knows-since-when"),
    ],
)
def test_what_is_over_stays_over(status: ReportStatus) -> None:
    assert restored(report(status)) is None
