"""The threshold keeps its budget on known noise, and refuses to guess."""

import math

import numpy as np
import pytest

from podvigil.detect.threshold import (
    LEAST,
    MIN_BLOCKS,
    RULE,
    BlockMaxima,
    Tail,
    tail_threshold,
    typical,
)

INTERVAL = 60.0  # 15 samples a block
DAY = 1440


def noise(days: float, pods: int, *, slope: float, seed: int = 1) -> np.ndarray:
    """Scores whose tail falls by a factor e per `slope`, the shape that the estimate assumes."""
    return np.random.default_rng(seed).exponential(slope, (int(days * DAY), pods))


def pooled(scores: np.ndarray, interval: float = INTERVAL) -> BlockMaxima:
    maxima = BlockMaxima(interval_seconds=interval, capacity=scores.shape[1])
    maxima.push_history(scores)
    return maxima


def alarms_per_pod_day(scores: np.ndarray, threshold: float) -> float:
    """Blocks of 15 samples with an alarm, per pod-day."""
    ticks, pods = scores.shape
    blocks = scores[: ticks // 15 * 15].reshape(-1, 15, pods).max(axis=1) > threshold
    return float(blocks.sum() / pods / (ticks / DAY))


@pytest.mark.parametrize("budget", [0.5, 1.0, 4.0])
def test_the_budget_is_kept_on_fresh_noise(budget: float) -> None:
    threshold = pooled(noise(4, 40, slope=0.6)).threshold(budget)
    assert threshold is not None
    kept = alarms_per_pod_day(noise(10, 40, slope=0.6, seed=2), threshold)
    # An exponential tail does not bend: below one a day it gets up to twice what was asked.
    assert budget / 2 < kept < 2 * budget


def test_a_short_quiet_history_is_not_believed() -> None:
    # Six hours, falling by e per .2: the days to come are held for like those of other clusters instead.
    short = pooled(noise(0.25, 40, slope=0.2)).threshold(1.0)
    long = pooled(noise(8, 40, slope=0.2)).threshold(1.0)
    assert short is not None
    assert long is not None
    assert short > long + 0.3


@pytest.mark.parametrize("days", [0.25, 4])
def test_a_tenth_of_the_blocks_with_faults_hardly_moves_it(days: float) -> None:
    clean = noise(days, 40, slope=0.4)
    faulty = clean.copy()
    faulty[:, :4] += 5.0  # four of forty pods are at fault the whole time
    before, after = pooled(clean).threshold(1.0), pooled(faulty).threshold(1.0)
    assert before is not None
    assert after is not None
    assert before < after < before + 1.0


def test_a_history_full_of_faults_does_not_hide_them_all() -> None:
    scores = noise(2, 40, slope=0.3)
    scores[:, :16] += 6.0  # two fifths: all but the median are the faults'
    threshold = pooled(scores).threshold(1.0)
    assert threshold is not None
    assert threshold < 6.0


def test_a_flood_is_not_learnt_as_normal() -> None:
    maxima = pooled(noise(2, 40, slope=0.4))
    before = maxima.threshold(1.0)
    flood = noise(0.25, 40, slope=0.4, seed=3)
    flood[:, :16] += 6.0  # two pods of five for six hours
    maxima.push_history(flood)
    after = maxima.threshold(1.0)
    assert before is not None
    assert after is not None
    assert before <= after < before + 0.7


def test_a_smaller_budget_is_never_a_lower_threshold() -> None:
    maxima = pooled(noise(1, 20, slope=0.5))
    found = [maxima.threshold(budget) for budget in (0.01, 0.1, 1.0, 10.0, 1000.0)]
    assert found == sorted(found, key=lambda value: -(value or 0))


def test_silence_still_needs_three_spreads() -> None:
    assert pooled(np.zeros((DAY, 4))).threshold(1.0) == LEAST


@pytest.mark.parametrize(
    ("ticks", "pods"),
    [
        pytest.param(14, 500, id="not-one-block"),
        pytest.param(45, 500, id="many-pods-for-less-than-an-hour"),
        pytest.param(15 * 23, 1, id="one-pod-for-less-than-six-hours"),
    ],
)
def test_too_little_is_no_threshold(ticks: int, pods: int) -> None:
    assert pooled(np.ones((ticks, pods))).threshold(1.0) is None


def test_six_pod_hours_are_enough() -> None:
    maxima = pooled(noise(0.25, 1, slope=0.5))
    assert maxima.blocks == MIN_BLOCKS
    assert maxima.threshold(1.0) is not None


def test_what_is_not_scored_is_no_block() -> None:
    scores = noise(2, 2, slope=0.5)
    scores[:, 1] = np.nan
    assert pooled(scores).blocks == 2 * 96
    assert pooled(scores).threshold(1.0) == pooled(scores[:, :1]).threshold(1.0)


def test_a_released_slot_takes_its_maximum_with_it() -> None:
    maxima = BlockMaxima(interval_seconds=INTERVAL, capacity=1)
    for _ in range(14):
        maxima.push(np.array([9.0]))
    maxima.release(np.array([0]))
    maxima.push(np.array([0.1]))
    assert maxima.blocks == 0  # one sample of the new pod is less than half a block


def test_new_slots_are_taken_in() -> None:
    maxima = BlockMaxima(interval_seconds=INTERVAL, capacity=1)
    for _ in range(15):
        maxima.push(np.ones(3))
    assert maxima.blocks == 3


def test_old_blocks_fade() -> None:
    maxima = pooled(noise(4, 10, slope=0.2))
    low = maxima.threshold(1.0)
    maxima.push_history(noise(8, 10, slope=0.5))
    high = maxima.threshold(1.0)
    assert low is not None
    assert high is not None
    assert high > pooled(noise(8, 10, slope=0.5)).threshold(1.0) * 0.8  # type: ignore[operator]
    assert high > low


def after(history: np.ndarray, live: np.ndarray) -> tuple[float, float]:
    """Thresholds at one a day, before and after what came live."""
    maxima = pooled(history)
    before = maxima.threshold(1.0)
    for tick in live:
        maxima.push(tick)
    found = maxima.threshold(1.0)
    assert before is not None
    assert found is not None
    return before, found


def test_a_restless_quarter_of_a_day_raises_it_at_once() -> None:
    history, live = noise(0.25, 40, slope=0.3), noise(0.25, 40, slope=0.6, seed=2)
    _, found = after(history, live)
    assert found == pytest.approx(pooled(np.concatenate([history, live])).threshold(1.0))


def test_a_quiet_night_hardly_lowers_it() -> None:
    # Eight hours after a history of two: all of it would be the quiet night's.
    history, live = noise(1 / 12, 40, slope=0.6), noise(1 / 3, 40, slope=0.2, seed=2)
    before, found = after(history, live)
    whole = pooled(np.concatenate([history, live])).threshold(1.0)
    assert whole is not None
    assert whole < before - 0.5
    assert before - 0.25 * (before - whole) < found < before


def test_a_quiet_week_does() -> None:
    history, live = noise(0.25, 40, slope=0.6), noise(7, 40, slope=0.2, seed=2)
    _, found = after(history, live)
    assert found == pytest.approx(pooled(live).threshold(1.0), abs=0.1)


def test_a_rarer_budget_goes_up_at_once_though_a_common_one_goes_down() -> None:
    # The middle sinks while the tail grows heavier: at half of the blocks less is asked, at one in a hundred days more.
    random = np.random.default_rng(3)
    history = 5.0 + random.exponential(0.1, (2 * DAY, 40))
    live = 3.0 + random.exponential(0.6, (2 * DAY, 40))
    maxima = pooled(history)
    before = {budget: maxima.threshold(budget) for budget in (45.0, 0.01)}
    for tick in live:
        maxima.push(tick)
    whole = pooled(np.concatenate([history, live]))
    common, rare = whole.threshold(45.0), whole.threshold(0.01)
    assert (before[45.0] or 0) > (common or 0)
    assert (before[0.01] or 0) < (rare or 0)
    assert maxima.threshold(0.01) == pytest.approx(rare, abs=0.02)
    assert maxima.threshold(45.0) > common + 0.02  # type: ignore[operator]


def test_more_budgets_than_anyone_has_are_not_kept() -> None:
    maxima = pooled(noise(1, 20, slope=0.5))
    first = [maxima.threshold(0.1 * number) for number in range(1, 30)]
    assert first == sorted(first, key=lambda value: -(value or 0))


def test_hours_without_pods_lower_nothing() -> None:
    history = np.concatenate([noise(0.25, 40, slope=0.6), noise(0.25, 40, slope=0.2)])
    before, found = after(history, np.full((DAY, 40), np.nan))
    assert found == before


def test_one_hour_samples() -> None:
    assert pooled(noise(1, 8, slope=0.4), interval=3600.0).threshold(1.0) is not None


def falling(slope: float, *, days: float) -> Tail:
    """Of noise whose median block is 1.0 and whose tail falls by e per `slope`."""
    upper, far = (1.0 + slope * math.log(0.5 / share) for share in (0.2, 0.05))
    return Tail(1.0, upper, far, days=days)


def test_the_formula_of_a_first_hour() -> None:
    # Half of the blocks exceed 1.0, and the slope seen is .4: .65 + .4 × (.4 - .65) = .55 counts.
    # One block in 96 is asked for: 1.0 + .55 × ln(.5 × 96) = 3.13
    found = tail_threshold(falling(0.4, days=0.0), 1.0, blocks_per_day=96.0)
    assert found == pytest.approx(1.0 + 0.55 * math.log(48))


def test_after_very_many_days_its_own_tail_counts() -> None:
    found = tail_threshold(falling(0.4, days=1e6), 1.0, blocks_per_day=96.0)
    assert found == pytest.approx(1.0 + 0.4 * math.log(48))  # 2.55


def test_beyond_one_a_day_half_of_the_slope_is_left() -> None:
    # 0.1 a day is 10 times rarer: 1.0 + .55 × (ln 48 + ½ ln 10)
    found = tail_threshold(falling(0.4, days=0.0), 0.1, blocks_per_day=96.0)
    assert found == pytest.approx(1.0 + 0.55 * (math.log(48) + math.log(10) / 2))


@pytest.mark.parametrize("days", [0.0, 1.0, 100.0])
def test_a_tail_of_faults_never_makes_it_higher_than_the_steepest_noise(days: float) -> None:
    found = tail_threshold(falling(8.0, days=days), 1.0, blocks_per_day=96.0)
    assert found == pytest.approx(1.0 + RULE.steepest * math.log(48))


@pytest.mark.parametrize("budget", [0.0, -1.0, float("nan"), float("inf")])
def test_an_impossible_budget_is_named(budget: float) -> None:
    with pytest.raises(ValueError, match="budget"):
        pooled(np.zeros((DAY, 1))).threshold(budget)


def test_an_impossible_interval_is_named() -> None:
    with pytest.raises(ValueError, match="interval"):
        BlockMaxima(interval_seconds=0.0, capacity=1)


def test_a_score_beyond_the_scale_counts_as_the_highest() -> None:
    assert pooled(np.full((DAY, 1), 1e9)).threshold(1.0) is not None


def test_gone_pods_do_not_choose_the_threshold_that_is_shown() -> None:
    hour, season = 1.8, 2.8
    thresholds = np.array([season, season, hour, hour, hour])
    assert typical(thresholds, np.array([True, True, False, False, False])) == season
    assert typical(thresholds, np.ones(5, bool)) == hour
    assert typical(thresholds, np.array([True, False, True, False, False])) == season  # a tie
    assert typical(thresholds, np.zeros(5, bool)) == hour  # nobody is there
