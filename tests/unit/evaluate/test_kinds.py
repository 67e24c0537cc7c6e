"""Figures by kind divide the whole ones: nothing is lost, and nothing counted twice."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from podvigil.evaluate.alarms import watch
from podvigil.evaluate.kinds import false_alarms_by_kind, recall_by_kind
from podvigil.evaluate.labels import FAULT, IGNORED, NORMAL, Event, Labels, label

NAMES = ("Load", "Cron", "Rollout")


def labelled(states: np.ndarray, *faults: Event) -> Labels:
    return label(states, 60 * np.arange(states.shape[1]), interval_seconds=60.0, visible=faults)


def test_an_alarm_is_of_the_kind_of_its_first_sample_in_the_quarter() -> None:
    states, scores, kinds = np.zeros((2, 30), int), np.zeros((2, 30)), np.zeros((2, 30), int)
    kinds[0, 5:20] = 1
    scores[0, 7:18] = 2.0  # Cron in the first quarter of an hour, and again in the second
    scores[1, 2:16] = 2.0  # Load, and Load in the second
    found = false_alarms_by_kind(labelled(states), [scores], [kinds], NAMES, 2.0)
    assert [quiet.false_alarms for quiet in found.values()] == [2, 2, 0]
    # 45 and 15 minutes of normal samples.
    assert [quiet.pod_days * 1440 for quiet in found.values()] == pytest.approx([45, 15, 0])


@given(
    states=npst.arrays(np.int8, (3, 60), elements=st.sampled_from([NORMAL, NORMAL, FAULT, IGNORED])),
    scores=npst.arrays(np.float64, (3, 60), elements=st.integers(0, 4)),
    kinds=npst.arrays(np.int8, (3, 60), elements=st.integers(0, 2)),
    limits=npst.arrays(np.float64, 3, elements=st.integers(1, 5)),
)
def test_the_kinds_add_up(
    states: np.ndarray, scores: np.ndarray, kinds: np.ndarray, limits: np.ndarray
) -> None:
    labels = labelled(states)
    seen = watch(labels, [scores])
    found = false_alarms_by_kind(labels, [scores], [kinds], NAMES, limits)
    assert list(found) == list(NAMES)
    assert sum(quiet.pod_days for quiet in found.values()) == pytest.approx(seen.normal_pod_days)
    if seen.normal_pod_days:
        total = seen.at(limits).false_alarms_per_pod_day * seen.normal_pod_days
        assert sum(quiet.false_alarms for quiet in found.values()) == pytest.approx(total)


def test_recall_is_divided_by_kind() -> None:
    states, scores = np.zeros((2, 60), int), np.zeros((2, 60))
    states[0, 10:15] = states[0, 30:35] = states[1, 50:55] = FAULT
    scores[0, 12], scores[1, 51] = 3.0, 3.0
    faults = (
        Event(600, 840, (0,), "Hog"),
        Event(1800, 2040, (0,), "Hog"),
        Event(3000, 3240, (1,), "Pause"),
    )
    found = recall_by_kind(watch(labelled(states, *faults), [scores]), 3.0)
    assert (found["Hog"].found, found["Hog"].faults, found["Hog"].median_delay_seconds) == (1, 2, 120.0)
    assert (found["Pause"].found, found["Pause"].faults, found["Pause"].median_delay_seconds) == (1, 1, 60.0)
    missed = recall_by_kind(watch(labelled(states, *faults), [scores]), 9.0)
    assert [kind.found for kind in missed.values()] == [0, 0]
    assert np.isnan(missed["Hog"].median_delay_seconds)
