"""What a person notices at a threshold, with the arithmetic beside it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from podvigil.evaluate.alarms import Watch, watch
from podvigil.evaluate.labels import FAULT, IGNORED, NORMAL, Event, Labels, label

MINUTE = 60.0
START = 900 * 1000
"""A quarter of an hour begins here."""


def day(pods: int = 1, minutes: int = 1440) -> tuple[np.ndarray, np.ndarray]:
    """Normal labels and times, one sample a minute."""
    return np.zeros((pods, minutes), np.int8), START + 60 * np.arange(minutes)


def labelled(states: np.ndarray, *, visible: list[Event] | None = None) -> Labels:
    return label(states, START + 60 * np.arange(states.shape[1]), interval_seconds=MINUTE, visible=visible)


def watched(states: np.ndarray, scores: np.ndarray, visible: list[Event] | None = None) -> Watch:
    return watch(labelled(states, visible=visible), [scores])


@pytest.mark.parametrize(
    ("minutes", "alarms"),
    [
        pytest.param([3], 1, id="one-sample"),
        pytest.param([3, 4, 14], 1, id="the-same-quarter"),
        pytest.param([14, 15], 2, id="two-quarters-by-the-clock"),
        pytest.param(list(range(1440)), 96, id="stuck-all-day"),
        pytest.param([], 0, id="silent"),
    ],
)
def test_false_alarms_are_quarters_of_an_hour(minutes: list[int], alarms: int) -> None:
    states, _ = day()
    scores = np.zeros(states.shape)
    scores[0, minutes] = 2.0
    # One pod, 1440 normal minutes: exactly one pod-day.
    assert watched(states, scores).at(2.0).false_alarms_per_pod_day == alarms


def test_each_pod_counts_for_itself_and_ignored_samples_for_nothing() -> None:
    states, _ = day(pods=3)
    states[2] = IGNORED
    seen = watched(states, np.full(states.shape, 5.0))
    assert seen.normal_pod_days == 2.0
    assert seen.at(5.0).false_alarms_per_pod_day == 2 * 96 / 2


def test_an_alarm_on_a_fault_is_not_false_and_its_delay_runs_from_the_start() -> None:
    states, _ = day()
    states[0, 100:105] = FAULT
    scores = np.zeros(states.shape)
    scores[0, 102:105] = 1.0
    found = watched(states, scores).at(1.0)
    assert found.false_alarms_per_pod_day == 0
    assert (found.recall, found.median_delay_seconds) == (1.0, 120.0)


@pytest.mark.parametrize(
    ("minute", "recall"),
    [
        pytest.param(99, 0.0, id="before"),
        pytest.param(100, 1.0, id="at-the-start"),
        pytest.param(105, 1.0, id="within-the-grace"),
        pytest.param(106, 0.0, id="too-late"),
    ],
)
def test_a_fault_is_found_from_its_start_to_a_minute_after_its_end(minute: int, recall: float) -> None:
    states, times = day()
    states[0, 100:105] = FAULT
    scores = np.zeros(states.shape)
    scores[0, minute] = 1.0
    fault = Event(float(times[100]), float(times[104]), (0,), "hog")
    assert watched(states, scores, [fault]).at(1.0).recall == recall


def test_one_of_its_pods_finds_a_fault_and_another_pod_does_not() -> None:
    states, times = day(pods=3)
    states[:2, 100:105] = FAULT
    fault = Event(float(times[100]), float(times[104]), (0, 1), "hog")
    scores = np.zeros(states.shape)
    scores[2, 101] = 1.0
    assert watched(states, scores, [fault]).at(1.0).recall == 0
    scores[1, 103] = 1.0
    assert watched(states, scores, [fault]).at(1.0).median_delay_seconds == 180.0


def test_a_fault_on_a_pod_that_is_not_there_does_not_count() -> None:
    states, times = day(pods=2)
    states[0, 100:105] = IGNORED
    gone = Event(float(times[100]), float(times[104]), (0,), "kill")
    assert np.isnan(watched(states, np.ones(states.shape), [gone]).at(1.0).recall)


def test_a_fault_across_two_ranges_is_one() -> None:
    states, times = day()
    states[0, 95:105] = FAULT
    cut = label(states, times, interval_seconds=MINUTE, ranges=[(0, 100), (100, 1440)])
    fault = label(states, times, interval_seconds=MINUTE).events
    seen = watch(Labels(cut.ranges, fault, MINUTE, 1), [np.ones((1, 100)), np.ones((1, 1340))])
    assert len(seen.faults) == 1


def test_a_threshold_for_each_pod() -> None:
    states, _ = day(pods=2)
    found = watched(states, np.array([[1.0], [2.0]]) * np.ones(states.shape)).at(np.array([1.5, 1.5]))
    assert found.false_alarms_per_pod_day == 96 / 2


def two_faults() -> Watch:
    """Peaks 3 and 1; normal samples reach 2 in three quarters and 0.5 elsewhere, in one pod-day of 1430 min."""
    states, _ = day()
    scores = np.full(states.shape, 0.5)
    scores[0, [0, 20, 40]] = 2.0
    states[0, 300:305] = states[0, 600:605] = FAULT
    scores[0, 302], scores[0, 603] = 3.0, 1.0
    return watched(states, scores)


def test_the_threshold_of_a_recall_is_a_peak() -> None:
    seen = two_faults()
    assert seen.at_recall(0.5).recall == 0.5
    assert seen.at_recall(0.5).false_alarms_per_pod_day == 0
    assert seen.at_recall(0.9).recall == 1.0
    assert seen.at_recall(0.9).false_alarms_per_pod_day == pytest.approx(3 / (1430 / 1440))


def test_a_budget_is_kept_by_the_lowest_threshold_that_keeps_it() -> None:
    seen = two_faults()
    none = np.empty(0)
    assert seen.at_budget(1.0, none).recall == 0.5
    assert seen.at_budget(3.1, none).recall == 1.0


def test_a_budget_that_nothing_keeps_finds_nothing() -> None:
    states, _ = day()
    states[0, 300:305] = FAULT
    kept = watched(states, np.ones(states.shape)).at_budget(1.0, np.empty(0))
    assert kept.recall == 0.0
    assert kept.false_alarms_per_pod_day > 1.0
    assert np.isnan(kept.median_delay_seconds)


def test_without_faults_and_without_normal_samples_there_is_no_rate() -> None:
    states, _ = day()
    quiet = watched(states, np.zeros(states.shape))
    assert np.isnan(quiet.at(1.0).recall)
    assert np.isnan(quiet.at_recall(0.5).false_alarms_per_pod_day)
    states[:] = FAULT
    assert np.isnan(watched(states, np.zeros(states.shape)).at(1.0).false_alarms_per_pod_day)


@given(
    npst.arrays(np.int8, (3, 60), elements=st.sampled_from([FAULT, NORMAL, IGNORED])),
    npst.arrays(np.float64, (3, 60), elements=st.integers(0, 9)),
    st.integers(0, 9),
)
def test_a_higher_threshold_never_alarms_or_finds_more(
    states: np.ndarray, scores: np.ndarray, threshold: int
) -> None:
    states[0, 0], states[0, 1] = FAULT, NORMAL
    seen = watched(states, scores)
    low, high = seen.at(threshold), seen.at(threshold + 1)
    assert high.false_alarms_per_pod_day <= low.false_alarms_per_pod_day
    assert high.recall <= low.recall
