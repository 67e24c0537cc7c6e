"""From arrays and pod records to findings."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from podvigil.api.features import MODEL_FEATURES, Feature
from podvigil.api.pods import PodKey, Workload
from podvigil.api.signals import Signal
from podvigil.collect.pods import PodRecord, Termination
from podvigil.controllers.monitor.judge import (
    MAXIMUM_FINDINGS,
    RestartCounts,
    clear_after,
    column_by_pod,
    container_facts,
    count_pods,
    ended_workloads,
    model_findings,
    unjudged_pods,
)
from podvigil.controllers.monitor.scoring import Verdict
from podvigil.controllers.monitor.select import Selection
from podvigil.controllers.monitor.vitals import PodRows
from podvigil.detect.detector import Scores
from podvigil.window.arrays import Array
from unit.controllers.monitor.pods import pod, selected
from unit.detect.troubles import CART, WEB, at, finding, incident

WEB_1 = PodKey("shop", "web-1")


def rows_of(*names: str) -> PodRows:
    rows = PodRows(limit=len(names))
    rows.select(selected(*(pod(n) for n in names)))
    return rows


def verdict(score: list[float], *, threshold: float | None = 3.0, **changes: Any) -> Verdict:
    """All of every score is made by memory; NaN is a pod without samples."""
    scores: Array = np.array(score)
    alone = np.where(np.arange(len(MODEL_FEATURES)) == 1, 1.0, 0.0)
    by_feature = np.tile(alone, (len(score), 1)) * np.isfinite(scores)[:, None]
    table = np.tile(scores[:, None], (1, len(MODEL_FEATURES)))
    known = np.isfinite(scores)
    masks = {"over": known & (scores >= 3.0), "held": known & (scores >= 2.4), "settled": known} | changes
    shown = Scores(scores, by_feature, table, table, table, table, table, ~known, ~known)
    return Verdict(shown, scores / 10, threshold, **masks)


# -- the model's findings


def test_a_pod_over_the_threshold_is_a_finding_with_its_numbers() -> None:
    (found,) = model_findings(verdict([1.0, 5.0]), rows_of("web-0", "web-1"), MODEL_FEATURES)
    assert (found.pod, found.workload, found.signal) == (WEB_1, WEB, Signal.MEMORY_HIGH)
    assert (found.over, found.settled, found.score, found.probability) == (True, True, 5.0, 0.5)
    assert [s.feature for s in found.explanation] == [Feature.MEMORY]


def test_nearly_over_is_a_finding_that_does_not_open() -> None:
    (found,) = model_findings(verdict([2.5]), rows_of("web-1"), MODEL_FEATURES)
    assert not found.over


@pytest.mark.parametrize(
    "score",
    [pytest.param(1.0, id="below"), pytest.param(np.nan, id="not-scored")],
)
def test_no_finding(score: float) -> None:
    assert model_findings(verdict([score]), rows_of("web-1"), MODEL_FEATURES) == ()


def test_a_score_that_nothing_explains_is_no_finding() -> None:
    seen = verdict([5.0])
    seen.scores.contribution[:] = 0.0
    assert model_findings(seen, rows_of("web-1"), MODEL_FEATURES) == ()


def test_in_a_storm_the_worst_are_told_first_and_bounded() -> None:
    count = MAXIMUM_FINDINGS + 1
    found = model_findings(
        verdict([3.0 + i / count for i in range(count)]),
        rows_of(*(f"web-{i}" for i in range(count))),
        MODEL_FEATURES,
    )
    assert len(found) == MAXIMUM_FINDINGS
    assert found[0].pod.name == f"web-{MAXIMUM_FINDINGS}"
    assert "web-0" not in {f.pod.name for f in found}, "the least of them is left out"


# -- restarts


@pytest.mark.parametrize(
    ("counts", "recent"),
    [
        pytest.param([7], 0, id="first-seen-with-restarts-that-may-be-old"),
        pytest.param([0, 1], 1, id="the-first-restart-of-a-watched-pod"),
        pytest.param([0, 1, 2, 3], 3, id="three-restarts"),
        pytest.param([0, 3], 3, id="three-between-two-ticks"),
        pytest.param([7, 7, 8], 1, id="one-more"),
        pytest.param([7, 8, 9, 10, 10, 10, 10], 2, id="older-ones-are-no-news"),
        pytest.param([7, 8, 8, 8, 8, 8, 8, 9], 1, id="after-a-long-calm"),
        pytest.param([7, 1], 0, id="the-count-fell"),
    ],
)
def test_restarts_within_ten_minutes(counts: list[int], recent: int) -> None:
    """One tick every 2 minutes: what is seen at a tick happened in the 2 minutes before it."""
    watch = RestartCounts()
    for number, count in enumerate(counts):
        seen = watch.observe(selected(pod(restarts=count)), {}, at(120 * number))
    assert seen.get(WEB_1, 0) == recent


def test_the_source_may_know_of_a_restart_first() -> None:
    watch = RestartCounts()
    watch.observe(selected(pod()), {}, at(0))
    assert watch.observe(selected(pod()), {WEB_1: 2}, at(30)) == {WEB_1: 2}


def test_a_pod_made_anew_under_its_name_starts_from_its_own_count() -> None:
    watch = RestartCounts()
    watch.observe(selected(pod(restarts=9)), {}, at(0))
    again = watch.observe(selected(pod(uid="another", restarts=1)), {}, at(30))
    assert again == {WEB_1: 0}


def test_at_an_interval_of_an_hour_restarts_of_the_last_hour_count() -> None:
    watch = RestartCounts()
    watch.observe(selected(pod(restarts=1)), {}, at(0))
    assert watch.observe(selected(pod(restarts=5)), {}, at(3600)) == {WEB_1: 4}


# -- what Kubernetes says


@pytest.mark.parametrize(
    ("well", "throttled"),
    [
        pytest.param(pod(restarts=1), {}, id="restarted"),
        pytest.param(pod(waiting_reason="CrashLoopBackOff"), {}, id="waits"),
        pytest.param(pod(last_termination=Termination("app", "OOMKilled", 137, 0.0)), {}, id="ended"),
        pytest.param(pod(), {WEB_1: 0.7}, id="throttled"),
    ],
)
def test_a_pod_in_any_trouble_becomes_an_object(well: PodRecord, throttled: dict[PodKey, float]) -> None:
    (facts,) = container_facts(selected(well), {WEB_1: 1}, throttled)
    assert (facts.pod, facts.workload, facts.restarts_recently) == (WEB_1, WEB, 1)
    assert facts.throttled_ratio == throttled.get(WEB_1)


def test_a_pod_that_is_well_does_not() -> None:
    assert container_facts(selected(pod()), {}, {}) == ()


@pytest.mark.parametrize(
    ("finished", "when"),
    [
        pytest.param(1_772_359_200.0, datetime(2026, 3, 1, 10, 0, tzinfo=UTC), id="known"),
        pytest.param(None, None, id="the-kubelet-does-not-say"),
    ],
)
def test_when_a_container_ended(finished: float | None, when: datetime | None) -> None:
    ended = pod(last_termination=Termination("app", "OOMKilled", 137, finished))
    (facts,) = container_facts(selected(ended), {}, {})
    assert (facts.terminated_reason, facts.terminated_at) == ("OOMKilled", when)


def test_the_pods_whose_value_reaches_a_bound() -> None:
    rows = rows_of("web-0", "web-1", "web-2")
    assert column_by_pod(rows, np.array([0.1, 0.5, np.nan]), at_least=0.5) == {WEB_1: 0.5}


# -- counting


def both(*pods: tuple[PodRecord, Workload]) -> Selection:
    return Selection(("shop",), {p.key: p for p, _ in pods}, {p.key: w for p, w in pods})


def test_pods_are_counted_for_workloads_in_trouble_only() -> None:
    chosen = both((pod("web-0"), WEB), (pod("web-1"), WEB), (pod("cart-0"), CART))
    rows = PodRows(limit=8)
    rows.select(chosen)
    seen = verdict([1.0, np.nan, 1.0, *[np.nan] * 5])
    assert count_pods({}, (), seen, chosen, rows) == ({}, {})
    about_web = {incident().key: incident()}
    assert count_pods(about_web, (), seen, chosen, rows) == ({WEB.uid: 1}, {WEB.uid: 2})
    about_cart = (finding("cart-0", workload=CART),)
    assert count_pods({}, about_cart, seen, chosen, rows) == ({CART.uid: 1}, {CART.uid: 1})


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(None, id="no-metrics"),
        pytest.param(verdict([1.0], threshold=None), id="nobody-knows-yet-what-is-normal"),
    ],
)
def test_without_a_verdict_no_pod_was_scored(seen: Verdict | None) -> None:
    chosen = selected(pod())
    rows = rows_of("web-1")
    assert count_pods({incident().key: incident()}, (), seen, chosen, rows) == ({}, {WEB.uid: 1})


@pytest.mark.parametrize(
    ("signal", "score", "change", "judged"),
    [
        pytest.param(Signal.MEMORY_HIGH, 1.0, {}, True, id="scored-and-well"),
        pytest.param(Signal.MEMORY_HIGH, np.nan, {}, False, id="without-a-score"),
        pytest.param(Signal.MEMORY_HIGH, 5.0, {}, False, id="over-and-cut-off-in-a-storm"),
        pytest.param(Signal.MEMORY_HIGH, np.nan, {"phase": "Succeeded"}, True, id="it-has-ended"),
        pytest.param(
            Signal.MEMORY_HIGH, np.nan, {"created": at(61).timestamp()}, True, id="another-has-its-name"
        ),
        pytest.param(Signal.CRASH_LOOP, np.nan, {}, True, id="the-cluster-tells-of-it"),
        pytest.param(Signal.CRASH_LOOP, np.nan, {"phase": "Pending"}, False, id="it-has-not-started"),
        pytest.param(Signal.VOLUME_FILLING, 1.0, {}, False, id="its-claim-was-not-seen"),
    ],
)
def test_a_sick_pod_that_nobody_can_judge(
    signal: Signal, score: float, change: dict[str, Any], judged: bool
) -> None:
    one = incident(signal=signal, sick=frozenset({WEB_1}))
    found = unjudged_pods([one], (), verdict([score]), selected(pod(**change)), rows_of("web-1"), frozenset())
    assert found == (frozenset() if judged else {(signal, WEB_1)})


def test_workloads_whose_pods_have_all_ended() -> None:
    chosen = both(
        (pod("web-0", phase="Failed"), WEB), (pod("cart-0", phase="Failed"), CART), (pod("cart-1"), CART)
    )
    about = [incident(), incident(workload=CART)]
    assert ended_workloads(about, chosen) == {WEB.uid}
    assert ended_workloads([], chosen) == frozenset()


@pytest.mark.parametrize(
    ("phase", "counted"), [("Running", 1), ("Failed", 1), ("Succeeded", 1), ("Pending", 0), ("Unknown", 0)]
)
def test_a_pod_that_never_started_says_nothing(phase: str, counted: int) -> None:
    chosen = selected(pod(phase=phase))
    rows = PodRows(limit=1)
    rows.select(chosen)
    _, started = count_pods({incident().key: incident()}, (), None, chosen, rows)
    assert started.get(WEB.uid, 0) == counted


@pytest.mark.parametrize(
    ("interval", "minimum", "away"),
    [
        pytest.param(1, 0, 30, id="never-less-than-half-a-minute"),
        pytest.param(60, 60, 120, id="two-ticks-at-least"),
        pytest.param(5, 300, 300, id="as-long-as-it-took-to-open"),
    ],
)
def test_clear_after(interval: int, minimum: int, away: int) -> None:
    seconds = timedelta(seconds=1)
    assert clear_after(interval * seconds, minimum * seconds) == away * seconds
