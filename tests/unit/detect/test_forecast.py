"""When memory reaches its limit: who is told, and what."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from podvigil.api.features import Feature
from podvigil.detect.forecast import HORIZON, REACH, LimitForecast, forecast
from podvigil.detect.growth import POINTS, RUNGS, GrowthLadder
from podvigil.window.arrays import Array

MEBI = 2.0**20
LIMIT = 512 * MEBI
MINUTES = np.arange(240.0)


def asked(values: Array, limit: float = LIMIT, interval: float = 60.0) -> LimitForecast | None:
    """What is said of one pod after these samples."""
    ladder = GrowthLadder(interval_seconds=interval, capacity=1)
    for value in values:
        ladder.push(np.array([value]))
    (found,) = forecast(
        ladder, np.array([0]), np.array([limit]), feature=Feature.MEMORY, interval_seconds=interval
    )
    return found


def noise(size: float, length: int = 240) -> Array:
    return np.random.default_rng(0).normal(0, size * MEBI, length)


def test_a_steady_leak_is_foretold_by_its_slope() -> None:
    # 100 Mi at first, 1 Mi a minute: after 239 minutes 339 Mi, so the last 173 Mi take 173 minutes.
    found = asked((100 + MINUTES) * MEBI + noise(0.5))
    assert found is not None
    assert (found.feature, found.limit) == (Feature.MEMORY, LIMIT)
    assert found.estimate / timedelta(minutes=173) == pytest.approx(1.0, abs=0.1)
    assert found.earliest < timedelta(minutes=173) < found.latest


@pytest.mark.parametrize(
    "values",
    [
        pytest.param((100 + MINUTES) * MEBI + noise(1), id="linear"),
        pytest.param((100 + 0.004 * MINUTES**2) * MEBI + noise(1), id="accelerating"),
        pytest.param((100 + MINUTES + 20 * (MINUTES % 7) / 7) * MEBI, id="a-sawing-collector"),
        pytest.param((100 + 10 * (MINUTES // 10)) * MEBI + noise(1), id="in-steps"),
        pytest.param((100 + MINUTES) * MEBI + np.where(MINUTES == 200, 30 * MEBI, 0), id="with-one-spike"),
        pytest.param(np.where(MINUTES % 5 == 0, np.nan, (100 + MINUTES) * MEBI), id="with-holes"),
        pytest.param((100 + np.maximum(MINUTES - 220, 0) * 10) * MEBI, id="that-began-minutes-ago"),
    ],
)
def test_what_grows_is_foretold(values: Array) -> None:
    found = asked(values)
    assert found is not None
    assert timedelta() < found.earliest <= found.estimate <= found.latest


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(np.full(240, 400 * MEBI), id="constant"),
        pytest.param(300 * MEBI + noise(30), id="noise-without-a-trend"),
        pytest.param((400 - MINUTES) * MEBI, id="falling"),
        pytest.param(np.where(MINUTES < 120, 100, 400) * MEBI, id="one-jump"),
        pytest.param((100 + np.minimum(MINUTES, 120)) * MEBI, id="grew-and-stands-still"),
        pytest.param((100 + MINUTES % 60) * MEBI, id="a-collector-that-takes-everything-back"),
        pytest.param((100 + 0.01 * MINUTES) * MEBI, id="a-trifle"),
        pytest.param((100 + MINUTES[:9]) * MEBI, id="too-young"),
        pytest.param(np.full(240, np.nan), id="never-seen"),
        pytest.param(np.array([100 * MEBI]), id="one-sample"),
        pytest.param(np.where(MINUTES < 200, (100 + MINUTES) * MEBI, np.nan), id="unseen-for-40-minutes"),
        pytest.param(np.full(240, 1e30), id="absurd"),
    ],
)
def test_silence(values: Array) -> None:
    assert asked(values) is None


@pytest.mark.parametrize("limit", [np.nan, 0.0, -1.0, 1e30, 1e308, np.inf])
def test_without_a_limit_nothing_is_foretold(limit: float) -> None:
    assert asked((100 + MINUTES) * MEBI, limit) is None


def test_a_line_is_not_followed_further_than_it_was_seen_to_allow() -> None:
    # Four hours fill 15 stretches of 16 minutes, the longest rung with ten points or more.
    minutes_ahead = REACH * 15 * 16
    growing = (100 + 10 * MINUTES) * MEBI
    assert asked(growing, (2490 + 10 * 0.9 * minutes_ahead) * MEBI) is not None
    assert asked(growing, (2490 + 10 * 1.1 * minutes_ahead) * MEBI) is None


def test_nobody_is_told_of_a_limit_weeks_away() -> None:
    # Samples an hour apart: 60 hours of growth are long enough to look far ahead.
    hours = np.arange(60.0)
    growing = (100 + hours) * MEBI
    assert asked(growing, (159 + 100) * MEBI, 3600.0) is not None
    beyond = HORIZON / timedelta(hours=1) + 10
    assert asked(growing, (159 + beyond) * MEBI, 3600.0) is None


def test_a_pod_over_its_limit_has_no_time_left() -> None:
    found = asked((100 + MINUTES) * MEBI, 300 * MEBI)
    assert found is not None
    assert found.latest <= timedelta(minutes=5)


def test_many_pods_are_asked_at_once_and_each_is_answered_as_alone() -> None:
    random = np.random.default_rng(1)
    slopes = random.uniform(-1, 3, 600)
    courses = (200 + np.outer(MINUTES, slopes) + random.normal(0, 1, (240, 600))) * MEBI
    ladder = GrowthLadder(interval_seconds=60.0, capacity=600)
    for sample in courses:
        ladder.push(sample)
    limits = np.full(600, 2048 * MEBI)
    together = forecast(ladder, np.arange(600), limits, feature=Feature.MEMORY, interval_seconds=60.0)
    assert together[::50] == [asked(courses[:, pod], limits[pod]) for pod in range(0, 600, 50)]
    told = np.array([one is not None for one in together])
    assert told[slopes > 1].mean() > 0.9
    assert not told[slopes < 0].any()


@given(
    st.lists(
        st.one_of(st.floats(allow_nan=True, allow_infinity=True), st.sampled_from([0.0, 1e30, -1.0])),
        max_size=64,
    ),
    st.one_of(st.floats(allow_nan=True, allow_infinity=True), st.just(LIMIT)),
    st.sampled_from([1.0, 60.0, 3600.0]),
)
def test_whatever_comes_the_answer_is_none_or_in_order(
    samples: list[float], limit: float, interval: float
) -> None:
    found = asked(np.array(samples), limit, interval)
    if found is not None:
        assert timedelta() <= found.earliest <= found.estimate <= found.latest
        assert found.estimate <= HORIZON


def test_the_past_is_as_long_as_the_rungs() -> None:
    # 16 stretches of 128 minutes.
    assert POINTS << (RUNGS - 1) == 2048
