"""The benchmark's hard histories are what they are called."""

from collections.abc import Callable

import numpy as np
import pytest
from detection.histories import FAULTY_SHARE, other_load, shortened, with_faults, with_flood
from detection.streams import Stream

from podvigil.evaluate.labels import label

PODS, STEPS = 6, 600


@pytest.fixture
def stream() -> Stream:
    values = np.random.default_rng(0).gamma(50.0, 2.0, (PODS, STEPS, 4))
    values[5, 100:200] = 0.0  # gone for a while
    labels = label(np.zeros((PODS, STEPS)), 60 * np.arange(STEPS), interval_seconds=60.0)
    return Stream("noise", values, values.copy(), labels, 60.0)


def test_short_is_the_end(stream: Stream) -> None:
    short = shortened(stream, 2)
    assert short is not None
    np.testing.assert_array_equal(short.history, stream.history[:, -120:])


def test_there_is_no_more_than_the_whole(stream: Stream) -> None:
    assert shortened(stream, STEPS / 60) is None


def test_faults_are_about_as_many_as_said(stream: Stream) -> None:
    changed = (with_faults(stream).history != stream.history).any(axis=2).mean()
    assert FAULTY_SHARE / 2 < changed < FAULTY_SHARE * 2


def test_a_flood_hits_a_third_at_once(stream: Stream) -> None:
    changed = (with_flood(stream).history != stream.history).any(axis=2)
    assert changed[:, -60:].any(axis=1).sum() == PODS / 3
    assert not changed[:, :-60].any()


def test_another_load_leaves_memory_and_the_past_alone(stream: Stream) -> None:
    changed, middle = other_load(stream)
    np.testing.assert_array_equal(changed.judged[:, :middle], stream.judged[:, :middle])
    np.testing.assert_array_equal(changed.judged[:, :, 1], stream.judged[:, :, 1])
    before, after = (np.median(values[:5, middle:, 0]) for values in (stream.judged, changed.judged))
    assert after == pytest.approx(1.5 * before, rel=0.05)


@pytest.mark.parametrize("change", [with_faults, with_flood], ids=["faults", "flood"])
def test_who_is_gone_stays_gone(change: Callable[[Stream], Stream], stream: Stream) -> None:
    assert (change(stream).history[5, 100:200] == 0).all()
