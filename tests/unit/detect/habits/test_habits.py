"""The habits together, through the detector, over generated days of a few replicas."""

import copy
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podvigil.api.features import MODEL_FEATURES, Feature
from podvigil.detect.detector import Detector, Mode, Past, Scores
from podvigil.detect.threshold import LEAST
from podvigil.window.arrays import Array

INTERVAL = 600.0
DAY_TICKS = 144
MONDAY = 20_514 * 86_400.0
PODS = 6
NAMES = ["web"] * 3 + ["api"] * 3


def detector(mode: Mode = Mode.STATISTICS, interval: float = INTERVAL, features: int = 4) -> Detector:
    made = Detector(mode=mode, features=MODEL_FEATURES[:features], interval_seconds=interval, capacity=PODS)
    made.assign(np.arange(PODS), NAMES, np.full(PODS, MONDAY - 86_400.0))
    return made


def week(days: float, *, start: float = MONDAY, seed: int = 0) -> tuple[Array, Array]:
    """CPU and traffic that double every day from 9 to 17, with edges of an hour; memory that does not."""
    times = start + INTERVAL * np.arange(round(days * DAY_TICKS))
    hour = times % 86_400 / 3600
    busy = 1.0 + np.clip(np.minimum(hour - 9, 17 - hour), 0.0, 1.0)
    noise = np.random.default_rng(seed).normal(1.0, 0.03, (len(times), PODS, 4))
    load = np.stack([busy, np.ones_like(busy), busy, busy], axis=1)
    return np.array([0.2, 3e8, 1e6, 2e6]) * load[:, None] * noise, times


def there(values: Array) -> np.ndarray:
    return np.ones(values.shape[:2], bool)


@cache
def of_four_days() -> Detector:
    made = detector()
    values, times = week(4)
    made.warm_start(values, there(values), times)
    return made


def lived() -> Detector:
    """A detector that saw four days."""
    return copy.deepcopy(of_four_days())


def go_on(watch: Detector, values: Array, times: Array) -> list[Scores]:
    return [watch.observe(now, np.ones(PODS, bool), float(at)) for now, at in zip(values, times, strict=True)]


def tuesday(hours: float, day: int = 4) -> tuple[Array, Array]:
    values, times = week(hours / 24, start=MONDAY + 86_400.0 * day, seed=1)
    return values, times


def highest(past: Past, ticks: slice) -> float:
    return float(np.nanmax(past.score[ticks]))


def test_the_morning_is_no_news_after_some_days() -> None:
    values, times = week(5)
    morning = slice(4 * DAY_TICKS + 50, 4 * DAY_TICKS + 66)  # 8:20 to 11
    found = {
        mode: detector(mode).warm_start(values, there(values), times) for mode in (Mode.Z3, Mode.STATISTICS)
    }
    assert found[Mode.STATISTICS].habitual[-1].all()
    # Six pods of one load are too few workloads for a cluster's median to help: the morning is all that Z3 sees.
    assert highest(found[Mode.STATISTICS], morning) < 1.5


def test_a_missing_morning_is_news() -> None:
    watch = lived()
    values, times = tuesday(14)
    values[:, :3, [0, 2, 3]] = values[0, :3, [0, 2, 3]].T  # for web the night goes on
    found = go_on(watch, values, times)
    assert found[-1].score[:3].min() > 1.5 * found[-1].score[3:].max()


def test_one_replicas_nightly_job_is_no_news_at_its_hour() -> None:
    """Always the first replica's: the middle one knows nothing of it, nor do the siblings."""
    values, times = week(6)
    night = times % 86_400 // 3600 == 3
    values[night, 0, 0] *= 3.0
    lived_through, rest = slice(0, 5 * DAY_TICKS), slice(5 * DAY_TICKS, None)
    watch = detector()
    watch.warm_start(values[lived_through], there(values[lived_through]), times[lived_through])
    late = copy.deepcopy(watch)
    at_its_hour = highest(watch.run(values[rest], there(values[rest]), times[rest]), slice(None, 36))
    values[rest, 0, 0] = values[rest, 1, 0]
    values[rest][36:42, 0, 0] *= 3.0
    assert highest(late.run(values[rest], there(values[rest]), times[rest]), slice(36, 42)) > 2.0
    assert at_its_hour < 1.5


def test_without_days_it_is_z3_exactly() -> None:
    values, times = week(0.4)
    statistics, z3 = (
        detector(mode, features=2).warm_start(values[..., :2], there(values), times)
        for mode in (Mode.STATISTICS, Mode.Z3)
    )
    np.testing.assert_allclose(statistics.score, z3.score, rtol=1e-12)
    assert not statistics.habitual.any()


def test_a_new_replica_is_judged_by_its_workload_at_once() -> None:
    watch = lived()
    watch.release(np.array([0]))
    watch.assign(np.array([0]), ["web"], np.array([MONDAY + 4 * 86_400.0]))
    values, times = tuesday(1)
    assert go_on(watch, values, times)[3].habitual[0], "as soon as it has the three samples of a score"


def test_a_slot_that_another_workload_takes_knows_nothing_of_the_first() -> None:
    watch = lived()
    watch.release(np.array([0]))
    watch.assign(np.array([0]), ["another"], np.array([MONDAY + 4 * 86_400.0]))
    values, times = tuesday(1)
    last = go_on(watch, values * np.where(np.arange(PODS) == 0, 20.0, 1.0)[:, None], times)[-1]
    assert last.habitual.tolist() == [False] + [True] * 5


def test_a_workload_that_was_away_is_known_when_it_comes_back() -> None:
    watch = lived()
    watch.release(np.array([0, 1, 2]))
    values, times = tuesday(2)
    values[:, :3] = np.nan
    go_on(watch, values, times)
    watch.assign(np.array([2]), ["web"], np.array([times[-1]]))
    values, times = week(1 / 24, start=times[-1] + INTERVAL)
    assert go_on(watch, values, times)[-1].habitual[2]


def test_a_day_without_samples_moves_no_hour() -> None:
    watch = lived()
    values, times = tuesday(14, day=5)
    scores = watch.run(values, there(values), times)
    assert highest(scores, slice(-18, None)) < 1.5, "noon is still noon"


def test_a_clock_that_was_set_back_teaches_nothing_twice() -> None:
    watch = lived()
    values, times = tuesday(2, day=1)
    values[..., 0] *= 50
    go_on(watch, values, times)
    values, times = tuesday(2)
    assert max(found.score.max() for found in go_on(watch, values, times)[6:]) < 3


def test_a_flood_of_a_day_is_not_learnt_as_normal() -> None:
    """All pods at four times their CPU for a whole day: the next day's fault is seen as it was before."""
    fault = np.where(np.arange(PODS) == 0, 4.0, 1.0)[:, None] * [1.0, 0.0, 0.0, 0.0] + [0.0, 1.0, 1.0, 1.0]
    values, times = week(1, start=MONDAY + 4 * 86_400.0, seed=1)
    flooded, calm = lived(), lived()
    flooded.run(values * [4.0, 1.0, 1.0, 1.0], there(values), times)
    calm.run(values, there(values), times)
    values, times = week(0.5, start=MONDAY + 5 * 86_400.0, seed=2)
    seen = [
        np.nanmin(watch.run(values * fault, there(values), times).score[-6:, 0]) for watch in (flooded, calm)
    ]
    assert seen[0] > 3
    assert seen[0] > 0.7 * seen[1]


def test_the_explanation_is_the_seasons_where_the_season_says_most() -> None:
    watch = lived()
    values, times = tuesday(14)
    values[-9:, 0, 1] *= 3.0
    last = go_on(watch, values, times)[-1]
    assert last.contribution[0].sum() == pytest.approx(1.0)
    assert np.argmax(last.contribution[0]) == 1
    assert last.deviation[0, 1] > 0
    assert last.expected[0, 1] == pytest.approx(3e8, rel=0.1)
    assert last.low[0, 1] < 3e8 < last.high[0, 1] < last.observed[0, 1]


BAD = st.sampled_from([np.nan, np.inf, -1.0, 0.0, 1e30, 1e-30, 1.0])


@settings(max_examples=15)
@given(
    values=st.lists(st.lists(BAD, min_size=PODS * 4, max_size=PODS * 4), min_size=1, max_size=4),
    interval=st.sampled_from([1.0, 600.0, 3600.0]),
    jump=st.sampled_from([0.0, -86_400.0, 1e6]),
)
def test_no_sample_is_too_bad(values: list[list[float]], interval: float, jump: float) -> None:
    watch = detector(interval=interval)
    at = MONDAY
    for step, sample in enumerate(values * 4):
        at += interval
        found = watch.observe(np.reshape(sample, (PODS, 4)), np.ones(PODS, bool), at + jump * (step % 2))
        known = np.isfinite(found.score)
        assert (found.score[known] >= 0).all()
        assert (found.score[known] < 13).all()
        sums = found.contribution.sum(axis=1)
        assert sums == pytest.approx((sums > 0.5) * 1.0, abs=1e-9)


@pytest.mark.parametrize("interval", [1.0, 3600.0])
def test_a_cold_start_at_any_interval(interval: float) -> None:
    watch = detector(interval=interval)
    values, _ = week(0.5)
    found = watch.run(values, there(values), MONDAY + interval * np.arange(len(values)))
    assert np.isfinite(found.score[-1]).all()


def test_a_pod_that_is_its_own_workload() -> None:
    values, times = week(5)
    alone = Detector(mode=Mode.STATISTICS, features=MODEL_FEATURES, interval_seconds=INTERVAL, capacity=PODS)
    found = alone.warm_start(values, there(values), times)
    assert found.habitual[-1].all()
    assert highest(found, slice(4 * DAY_TICKS + 50, None)) < 2


def test_growing_keeps_what_is_known() -> None:
    watch = lived()
    watch.grow(PODS + 3)
    values, times = tuesday(1)
    wide = np.full((len(values), PODS + 3, 4), np.nan)
    wide[:, :PODS] = values
    present = np.arange(PODS + 3) < PODS
    for now, at in zip(wide, times, strict=True):
        last = watch.observe(now, present, float(at))
    assert last.habitual[:PODS].all()
    assert np.isnan(last.score[PODS:]).all()


def test_a_taught_past_gives_the_season_that_was_not_lived_through() -> None:
    """A process that starts on Friday, with Monday to Thursday from its source at half the resolution."""
    values, times = week(4)
    fresh = detector()
    hours = 18
    fresh.warm_start(values[-hours:], there(values[-hours:]), times[-hours:])
    for day in range(3, -1, -1):
        piece = slice(day * DAY_TICKS, (day + 1) * DAY_TICKS, 2)
        fresh.teach(values[piece], NAMES, times[piece])
    now, moments = tuesday(11)
    taught, seen = (go_on(watch, now, moments)[-1] for watch in (fresh, lived()))
    assert taught.habitual.all()
    np.testing.assert_allclose(taught.expected, seen.expected, rtol=0.1)


def test_a_taught_past_says_what_each_replica_is_like() -> None:
    """A leader does four times what its followers do; the process starts with hours of its own and four days taught."""
    values, times = week(4)
    values[:, 0] *= 4.0
    now, moments = tuesday(11)
    now[:, 0] *= 4.0
    hours = 18
    highest_of_leader = {}
    for slots in (np.full(PODS, -1), np.arange(PODS)):
        fresh = detector()
        fresh.warm_start(values[-hours:], there(values[-hours:]), times[-hours:])
        for day in range(3, -1, -1):
            piece = slice(day * DAY_TICKS, (day + 1) * DAY_TICKS, 2)
            fresh.teach(values[piece], NAMES, times[piece], slots)
        highest_of_leader[slots[0]] = max(found.score[0] for found in go_on(fresh, now, moments))
    assert highest_of_leader[0] < 2.5
    assert highest_of_leader[-1] > 3


def test_a_past_of_strangers_teaches_nothing() -> None:
    values, times = week(4)
    fresh = detector()
    fresh.teach(values, [None, "gone", None, "gone", "gone", None], times)
    now, moments = tuesday(1)
    assert not go_on(fresh, now, moments)[-1].habitual.any()


def test_a_hung_pod_is_seen_before_any_season_is_known() -> None:
    rng = np.random.default_rng(3)
    made = detector(interval=60.0)
    values = np.array([0.2, 3e8, 1e6, 2e6]) * rng.normal(1.0, 0.1, (3 * 60, PODS, 4))
    hung = values[-10:]
    hung[:, 0] *= [0.02, 1.0, 0.01, 0.01]
    times = MONDAY + 60.0 * np.arange(len(values))
    made.run(values[:-10], there(values[:-10]), times[:-10])
    seen = [made.observe(now, there(values)[0], float(at)) for now, at in zip(hung, times[-10:], strict=True)]
    assert not seen[-1].habitual.any()
    assert seen[1].score[0] < LEAST < seen[3].score[0], "three samples, not one"
    assert MODEL_FEATURES[int(seen[-1].contribution[0].argmax())] is not Feature.MEMORY
    assert seen[-1].observed[0, 2] < seen[-1].low[0, 2], "the band that is shown is left"
    assert (seen[-1].score[1:] < LEAST).all()


# -- between two slow looks

HALF_MINUTE = 30.0
EVERY = 2
"""Samples from one slow look to the next."""
TEN_HOURS = 11 * 120


def beside(sick: float = 1.0, *, seed: int = 0) -> Array:
    """Six like replicas, the first with so many times its memory."""
    noise = np.random.default_rng(seed).normal(1.0, 0.05, (PODS, 4))
    noise[0, 1] *= sick
    return np.array([0.2, 4e8, 2e5, 2e5]) * noise


@cache
def of_ten_hours() -> tuple[Detector, float]:
    """A detector that knows how far replicas lie apart, next before a slow look, and its next moment."""
    made = Detector(
        mode=Mode.STATISTICS, features=MODEL_FEATURES, interval_seconds=HALF_MINUTE, capacity=PODS
    )
    made.assign(np.arange(PODS), ["web"] * PODS, np.full(PODS, MONDAY - 86_400.0))
    for tick in range(TEN_HOURS):
        made.observe(beside(seed=tick), np.ones(PODS, bool), MONDAY + HALF_MINUTE * tick)
    for tick in range(TEN_HOURS, TEN_HOURS + 160):
        made.observe(beside(3.0, seed=tick), np.ones(PODS, bool), MONDAY + HALF_MINUTE * tick)
    return made, MONDAY + HALF_MINUTE * (TEN_HOURS + 160)


@pytest.mark.parametrize("phase", range(EVERY))
def test_a_lost_sample_ends_no_fault_wherever_it_falls(phase: int) -> None:
    made, at = of_ten_hours()
    watch = copy.deepcopy(made)
    scores = []
    for tick in range(4 * EVERY):
        values = beside(3.0, seed=tick)
        if tick == phase:
            values[0] = np.nan
        scores.append(watch.observe(values, np.ones(PODS, bool), at + HALF_MINUTE * tick).score[0])
    assert np.isnan(scores[phase])
    assert np.nanmin(scores) > 2


def test_a_pod_that_gave_no_samples_for_long_begins_without_a_verdict() -> None:
    made, at = of_ten_hours()
    watch = copy.deepcopy(made)
    for tick in range(30 * EVERY):
        values = beside(3.0, seed=tick)
        values[0] = np.nan
        last = watch.observe(values, np.ones(PODS, bool), at + HALF_MINUTE * tick)
    assert np.isnan(last.score[0])
    healthy = watch.observe(beside(seed=99), np.ones(PODS, bool), at + HALF_MINUTE * 30 * EVERY)
    assert healthy.score[0] < 1


@pytest.mark.parametrize("phase", range(EVERY))
def test_growing_between_two_looks_loses_no_tick(phase: int) -> None:
    made, at = of_ten_hours()
    watch = copy.deepcopy(made)
    for tick in range(phase):
        watch.observe(beside(3.0, seed=tick), np.ones(PODS, bool), at + HALF_MINUTE * tick)
    watch.grow(PODS + 2)
    wide = np.full((PODS + 2, 4), np.nan)
    wide[:PODS] = beside(3.0, seed=9)
    found = watch.observe(wide, np.arange(PODS + 2) < PODS, at + HALF_MINUTE * phase)
    assert found.score[0] > 2
    assert np.isnan(found.score[PODS:]).all()


def test_a_clock_that_was_ahead_for_one_tick_freezes_no_verdict() -> None:
    made, at = of_ten_hours()
    watch = copy.deepcopy(made)
    watch.observe(beside(3.0), np.ones(PODS, bool), at + 365 * 86_400)
    for tick in range(240):
        last = watch.observe(beside(seed=tick), np.ones(PODS, bool), at + HALF_MINUTE * tick)
    assert last.score[0] < 1
