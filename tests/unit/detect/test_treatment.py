"""The streaming treatment agrees with a batch one that is written for reading, not for speed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podvigil.api.features import MODEL_FEATURES, Feature
from podvigil.detect.baseline import BLOCK, Baseline
from podvigil.detect.reference import MIN_KNOWN, LongReference, Summary
from podvigil.detect.treatment import Treated, Treatment, cluster_median, readable
from podvigil.window.ring import WindowShape

INTERVAL = 300.0  # an hour is 12 samples, the gap is one: short series reach every branch
WINDOW, GAP, ENOUGH = 12, 1, 5


def treatment(pods: int, features: int = 2, interval: float = INTERVAL) -> Treatment:
    return Treatment(features=MODEL_FEATURES[:features], interval_seconds=interval, capacity=pods)


def run(treat: Treatment, values: np.ndarray, present: np.ndarray) -> list[Treated]:
    return [treat.observe(sample, there) for sample, there in zip(values, present, strict=True)]


def series(seed: int, ticks: int, pods: int, features: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Noisy levels with single holes, holes of all features, and absences."""
    rng = np.random.default_rng(seed)
    values = rng.gamma(4.0, 1.0, (ticks, pods, features)) * rng.gamma(1.0, 50.0, (pods, features))
    values[rng.random(values.shape) < 0.05] = np.nan
    present = np.ones((ticks, pods), bool)
    for _ in range(3):
        start, pod = rng.integers(ticks), rng.integers(pods)
        present[start : start + rng.integers(1, 20), pod] = False
    return values, present


def quartile_scale(held: np.ndarray) -> float:
    low, high = np.quantile(held, [0.25, 0.75])
    return float((high - low) / 1.349)


def one_by_one(past: np.ndarray, reference: tuple[float, float]) -> tuple[float, float]:
    """Center and raw scale for one pod and feature, from its past and its long reference."""
    trailing = past[: len(past) - GAP][-WINDOW:]
    trailing = trailing[np.isfinite(trailing)]
    if len(trailing) >= ENOUGH:
        return float(np.median(trailing)), quartile_scale(trailing)
    if np.isfinite(reference[0]):
        return reference
    recent = past[-WINDOW:][np.isfinite(past[-WINDOW:])]
    if len(recent) < 3:
        return np.nan, np.nan
    center = float(np.median(recent))
    return center, quartile_scale(recent) * (1 + 6 / len(recent)) + 0.1 * abs(center)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("fitted", [True, False], ids=["with-history", "without"])
def test_center_and_scale_agree_with_the_batch(seed: int, fitted: bool) -> None:
    values, present = series(seed, 70, 4)
    treat = treatment(4)
    if fitted:
        history, there = series(seed + 100, 60, 4)
        treat.fit(history, there)
    past = readable(values.astype(np.float32), present)
    for tick, (sample, there) in enumerate(zip(values, present, strict=True)):
        reference = treat.reference
        wanted = np.array(
            [
                [
                    one_by_one(past[:tick, pod, f], (reference.center[pod, f], reference.scale[pod, f]))
                    for f in range(2)
                ]
                for pod in range(4)
            ]
        )
        floor = reference.floor.copy()
        least = 0.3 * reference.scale
        got = treat.observe(sample, there)
        center, scale = wanted[..., 0], wanted[..., 1]
        scale = np.maximum(scale, least) + 0.02 * np.abs(center) + floor
        assert got.center == pytest.approx(center, nan_ok=True, rel=1e-5)
        assert got.scale == pytest.approx(scale, nan_ok=True, rel=1e-4)


def test_a_running_fault_is_not_in_its_own_baseline() -> None:
    treat = treatment(3, interval=30.0)
    steady = np.full((3, 2), 100.0)
    jumped = steady.copy()
    jumped[0] = 300.0
    there = np.ones(3, bool)
    for _ in range(130):
        treat.observe(steady, there)
    seen = [treat.observe(jumped, there).deviation[0, 0] for _ in range(11)]
    assert len(set(seen)) == 1  # ten samples of gap: the eleventh sees the same baseline as the first


def test_trifles_are_held_against_the_level_of_the_cluster() -> None:
    treat = treatment(5, features=1)
    levels = np.array([[0.0001], [1.0], [1.0], [1.0], [1.0]])
    history = np.repeat(levels[None], 60, axis=0)
    treat.fit(history, np.ones((60, 5), bool))
    run(treat, history, np.ones((60, 5), bool))
    levels[0] = 0.002  # twenty times as much, and nothing to anyone
    assert abs(treat.observe(levels, np.ones(5, bool)).deviation[0, 0]) < 0.1


def test_absent_samples_enter_no_statistic() -> None:
    values, present = series(1, 60, 3)
    wild = np.where(present[..., None], values, 1e9)
    calm = np.where(present[..., None], values, np.nan)
    left, right = run(treatment(3), wild, present), run(treatment(3), calm, present)
    for a, b in zip(left, right, strict=True):
        np.testing.assert_array_equal(a.deviation, b.deviation)
        np.testing.assert_array_equal(a.context, b.context)


def test_age_counts_from_the_last_absence() -> None:
    present = np.array([[True], [True], [False], [True], [True]])
    got = run(treatment(1), np.ones((5, 1, 2)), present)
    assert [item.age[0] for item in got] == [1, 2, 0, 1, 2]


def test_a_sibling_lends_its_long_reference() -> None:
    treat = treatment(2)
    history = np.full((60, 2, 2), 100.0)
    there = np.zeros((60, 2), bool)
    there[:, 0] = True
    treat.fit(history, there)
    nothing_yet = treat.observe(np.full((2, 2), 500.0), np.ones(2, bool))
    assert not nothing_yet.usable[1].any()
    treat.adopt(np.array([1]), np.array([0]))
    lent = treat.observe(np.full((2, 2), 500.0), np.ones(2, bool))
    assert lent.usable[1].all()
    assert lent.deviation[1] == pytest.approx(lent.deviation[0])


def test_what_a_pod_has_of_its_own_is_not_overwritten() -> None:
    treat = treatment(2)
    history = np.full((60, 2, 2), 100.0)
    history[:, 1] = 7.0
    treat.fit(history, np.ones((60, 2), bool))
    treat.adopt(np.array([1]), np.array([0]))
    assert treat.reference.center[1] == pytest.approx([7.0, 7.0])


def test_without_history_the_level_is_found_within_three_samples() -> None:
    treat = treatment(4, features=1)
    for _ in range(3):
        treat.observe(np.full((4, 1), 50.0), np.ones(4, bool))
    assert treat.reference.level == pytest.approx([50.0])


@pytest.mark.parametrize("empty", [0, 7], ids=["young-monitor", "young-pods"])
def test_a_history_too_short_for_references_is_as_if_it_came_live(empty: int) -> None:
    values, present = series(4, MIN_KNOWN - 1 + empty, 4)
    present[:empty] = False
    live, warm = treatment(4), treatment(4)
    wanted = run(live, values[empty:], present[empty:])
    warm.fit(values, present)
    got = run(warm, values, present)[empty:]
    assert (warm.reference.level > 0).all()
    np.testing.assert_array_equal(warm.reference.level, live.reference.level)
    for a, b in zip(got, wanted, strict=True):
        np.testing.assert_array_equal(a.scale, b.scale)
        np.testing.assert_array_equal(a.deviation, b.deviation)


def test_of_no_sample_at_all_no_level_is_learnt() -> None:
    treat = treatment(2, features=1)
    nothing = np.full((5, 2, 1), np.nan)
    treat.fit(nothing, np.ones((5, 2), bool))
    run(treat, nothing, np.ones((5, 2), bool))
    run(treat, np.full((3, 2, 1), 50.0), np.ones((3, 2), bool))
    assert treat.reference.level == pytest.approx([50.0])


def test_a_new_pod_costs_no_look_at_the_others() -> None:
    reference = LongReference(features=2, capacity=5)
    reference.refresh(Summary.of(np.random.default_rng(0).gamma(4.0, 1.0, (5, 2, MIN_KNOWN))), 0.0)
    reference.forget(np.array([3]))
    floor, scale = reference.floor, reference.scale
    reference.adopt(np.array([3]), np.array([0]))
    assert (reference.floor is floor, reference.scale is scale) == (True, True)
    reference.grow(5)  # works all of them out anew
    np.testing.assert_array_equal(floor, reference.floor)
    np.testing.assert_array_equal(scale, reference.scale)
    np.testing.assert_array_equal(scale[3], scale[0])


def test_references_follow_slowly() -> None:
    treat = treatment(4, features=1)
    there = np.ones(4, bool)
    treat.fit(np.full((60, 4, 1), 100.0), np.ones((60, 4), bool))
    for _ in range(61 + 40):  # the history's hour is counted as already learnt; then three refreshes
        treat.observe(np.full((4, 1), 200.0), there)
    assert (treat.reference.center > 100.0).all()
    assert (treat.reference.center < 125.0).all()


def test_a_missed_hour_empties_the_window() -> None:
    treat = treatment(3, interval=30.0)
    there = np.ones(3, bool)
    for _ in range(140):
        treat.observe(np.ones((3, 2)), there)
    treat.skip(10_000)  # bounded: no more than one window is passed through
    got = treat.observe(np.ones((3, 2)), there)
    assert got.cold.all()
    assert (got.age == 1).all()


def test_one_absurd_value_does_not_blind_the_cluster() -> None:
    treat = treatment(5, features=1)
    history = np.full((60, 5, 1), 100.0)
    history[30, 2] = 1e14
    treat.fit(history, np.ones((60, 5), bool))
    assert (treat.reference.floor < 100.0).all()


@pytest.mark.parametrize("value", [-1.0, np.inf, -np.inf, 1e30, np.nan])
def test_what_cannot_be_true_is_no_sample(value: float) -> None:
    assert np.isnan(readable(np.array([[value]]), np.array([True]))).all()


@pytest.mark.parametrize(
    ("deviations", "context"),
    [
        pytest.param([9.0], 0.0, id="one-pod-would-explain-itself"),
        pytest.param([9.0, 1.0], 0.0, id="two-pods-would-halve-each-other"),
        pytest.param([9.0, 1.0, 0.0], 1.0, id="three-have-a-median"),
        pytest.param([9.0, 1.0, 0.0, np.nan], 1.0, id="unusable-ones-do-not-vote"),
    ],
)
def test_cluster_median(deviations: list[float], context: float) -> None:
    column = np.array(deviations)[:, None]
    assert cluster_median(np.nan_to_num(column), np.isfinite(column)) == pytest.approx([context])


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(1, 3))
def test_the_order_of_slots_does_not_matter(seed: int, features: int) -> None:
    values, present = series(seed, 30, 5, features)
    order = np.random.default_rng(seed).permutation(5)
    left = run(treatment(5, features), values, present)
    right = run(treatment(5, features), values[:, order], present[:, order])
    for a, b in zip(left, right, strict=True):
        np.testing.assert_allclose(a.deviation[order], b.deviation, rtol=1e-9, atol=1e-12)


def test_a_large_cluster_takes_turns_and_stays_close() -> None:
    pods = 2 * BLOCK + 5
    shape = WindowShape.of(INTERVAL)
    whole = Baseline(shape, features=1, capacity=pods)
    turns = Baseline(shape, features=1, capacity=pods, sorted_per_tick=1)
    reference = LongReference(features=1, capacity=pods)
    rng = np.random.default_rng(0)
    for _ in range(WINDOW + GAP + 6):
        sample = rng.gamma(4.0, 1.0, (pods, 1))
        exact, turned = whole.expect(reference), turns.expect(reference)
        whole.push(sample)
        turns.push(sample)
    assert np.isfinite(turned.center).all()
    # Three blocks take turns: each is at most two samples old, of twelve in the window.
    same = np.isclose(exact.center, turned.center).ravel()
    assert BLOCK * 0.9 <= same.sum() < pods


def test_features_stand_for_themselves() -> None:
    both = Treatment(features=(Feature.CPU, Feature.MEMORY), interval_seconds=INTERVAL, capacity=4)
    alone = Treatment(features=(Feature.MEMORY,), interval_seconds=INTERVAL, capacity=4)
    values, present = series(3, 40, 4)
    values = np.nan_to_num(values, nan=1.0)
    for a, b in zip(run(both, values, present), run(alone, values[..., 1:], present), strict=True):
        np.testing.assert_allclose(a.deviation[:, 1:], b.deviation)
