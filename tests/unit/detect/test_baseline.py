"""The baseline over either form of the window: what it expects must not depend on how many others there are."""

import numpy as np

from podvigil.detect.baseline import Baseline
from podvigil.detect.reference import LongReference
from podvigil.window.choice import EXACT_SAMPLES
from podvigil.window.compact import CompactRing
from podvigil.window.ring import WindowShape

FEW = 50
SHAPE = WindowShape.of(5)
MANY = EXACT_SAMPLES // SHAPE.stored + 1
"""One slot more than is held exactly at 5 s, with one feature."""


def samples(ticks: int, pods: int = FEW) -> np.ndarray:
    return np.random.default_rng(0).gamma(9.0, 10.0, (ticks, pods, 1))


def test_a_cluster_that_outgrows_the_exact_window_is_judged_as_before() -> None:
    baseline = Baseline(SHAPE, features=1, capacity=FEW)
    for sample in samples(SHAPE.stored):
        baseline.push(sample)
    before = baseline.expect(LongReference(features=1, capacity=FEW))
    baseline.grow(MANY)
    assert isinstance(baseline.ring, CompactRing)
    after = baseline.expect(LongReference(features=1, capacity=MANY))
    assert not after.cold[:FEW].any()
    assert after.cold[FEW:].all()
    assert np.isnan(after.center[FEW:]).all()
    # 53 samples of 720 place a median within .18 sd (√(π/2 / 53)); the largest of 50 pods stays below three of those.
    assert np.abs(after.center[:FEW] - before.center).max() < 0.54 * before.scale.min()


def test_a_cluster_that_outgrew_the_exact_window_goes_on_being_judged() -> None:
    """The compact window holds fewer samples than a window was said to need before."""
    baseline = Baseline(SHAPE, features=1, capacity=FEW)
    baseline.grow(MANY)
    for sample in samples(SHAPE.stored, FEW):
        baseline.push(np.concatenate([sample, np.full((MANY - FEW, 1), np.nan)]))
    for _ in range(10):
        baseline.refresh()
    assert not baseline.expect(LongReference(features=1, capacity=MANY)).cold[:FEW].any()


def test_a_compact_window_forgets_a_slot_with_its_statistics() -> None:
    baseline = Baseline(SHAPE, features=1, capacity=MANY)
    steady = np.full((MANY, 1), 8.0)
    for _ in range(SHAPE.stored):
        baseline.push(steady)
    reference = LongReference(features=1, capacity=MANY)
    assert (baseline.expect(reference).center == 8.0).all()
    baseline.forget(np.array([3]))
    left = baseline.expect(reference)
    assert left.cold[3]
    assert np.isnan(left.center[3]).all()
    assert (np.delete(left.center, 3, axis=0) == 8.0).all()


def test_a_whole_round_of_a_large_window_takes_the_ticks_between_two_stored_samples() -> None:
    """At 5 s one sample in twelve is stored: each slot's turn must have come before the next one is."""
    baseline = Baseline(SHAPE, features=1, capacity=MANY, sorted_per_tick=MANY * 50 // 6)
    reference = LongReference(features=1, capacity=MANY)
    compact = baseline.ring.shape
    for tick in range(compact.stored * compact.stride):
        baseline.push(np.full((MANY, 1), float(tick // compact.stride)))
    for _ in range(compact.stride):
        seen = baseline.expect(reference)
        baseline.push(np.full((MANY, 1), float(compact.stored)))
    assert (seen.center == (1 + compact.window) / 2).all()  # samples 1 to 50: sample 0 made room
