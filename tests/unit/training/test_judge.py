"""Counting: false alarms, faults seen and delays, on verdicts written by hand."""

import numpy as np

from podvigil.detect.detector import Mode
from podvigil.training.cluster import FAULT, IGNORED, Cluster, Event
from podvigil.training.generate import generate
from podvigil.training.judge import Judged, figures, judge, samples, total

INTERVAL = 60.0


def judged(margin: dict[tuple[int, int], float], faults: tuple[Event, ...] = (), steps: int = 200) -> Judged:
    """One pod, 40 samples of history, margin -1 except as stated; the samples of faults are labelled."""
    labels = np.zeros((steps, 1), np.int8)
    for event in faults:
        labels[event.start : event.end, 0] = FAULT
    margins = np.full((steps, 1), -1.0)
    for (start, end), value in margin.items():
        margins[start:end] = value
    margins[:40] = np.nan
    cluster = Cluster(
        INTERVAL,
        np.ones((steps, 1, 4)),
        np.ones((steps, 1), np.bool_),
        labels,
        np.zeros(1, np.int64),
        40,
        faults,
    )
    return Judged(cluster, margins)


def test_excursions_within_a_quarter_of_an_hour_are_one_alarm() -> None:
    # 50..52 and 60..61 are 8 minutes apart, 100 is 39 minutes later.
    found = figures(judged({(50, 53): 1.0, (60, 62): 1.0, (100, 101): 1.0}))
    assert found.alarms == 2
    assert found.pod_days == 160 * 60 / 86_400
    assert found.false_alarms_per_pod_day == 2 / found.pod_days


def test_a_fault_is_seen_from_its_first_labelled_sample_on() -> None:
    faults = (Event("CpuHog", 0, 60, 70), Event("Pause", 0, 100, 105), Event("CpuHog", 0, 140, 150))
    found = figures(judged({(63, 80): 2.0, (105, 106): 2.0, (140, 141): 2.0}, faults))
    assert found.faults == {"CpuHog": 2, "Pause": 1}
    assert found.seen == {"CpuHog": 2}  # the pause was over when the margin was reached
    assert found.delays_seconds == (180.0, 0.0)
    assert found.recall == 2 / 3
    assert found.alarms == 2  # 70..80 outlasts the hog, 105 the pause


def test_what_was_not_scored_counts_neither_way() -> None:
    found = figures(judged({(55, 65): np.nan}, (Event("Pause", 0, 60, 70),)))
    assert found.faults == {}
    assert np.isnan(found.recall)
    margin, fault = samples(judged({(55, 65): np.nan}, (Event("Pause", 0, 60, 70),)))
    assert len(margin) == len(fault) == 150
    assert fault.sum() == 5


def test_ignored_samples_are_no_false_alarms() -> None:
    one = judged({(50, 60): 1.0})
    one.cluster.labels[50:60] = IGNORED
    assert figures(one).alarms == 0


def test_totals_add_up() -> None:
    one = figures(judged({(50, 53): 1.0}, (Event("Pause", 0, 100, 105),)))
    both = total([one, one])
    assert both.alarms == 2
    assert both.faults == {"Pause": 2}
    assert both.pod_days == 2 * one.pod_days


def test_a_generated_cluster_is_judged_after_its_history() -> None:
    cluster = generate(np.random.default_rng(3))
    verdict = judge(cluster, Mode.STATISTICS, None, 0.5)
    assert np.isnan(verdict.margin[: cluster.history]).all()
    assert np.isfinite(verdict.margin[-1]).any()  # by then there were blocks enough for a threshold
    assert np.isnan(verdict.margin[~cluster.present]).all()
