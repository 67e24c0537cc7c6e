"""The compact window says nearly what the exact one says, and never something made up."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podvigil.window.compact import CompactRing, compact_shape, decoded, encoded
from podvigil.window.order import quantiles
from podvigil.window.ring import TrailingRing, WindowShape

WITHIN = 2.0**-10
"""Half a step of nine fraction bits."""

SHAPE = WindowShape.of(60)
QUARTILES = (0.25, 0.5, 0.75)


@pytest.mark.parametrize(
    ("interval", "shape"),
    [
        pytest.param(30, WindowShape(2, 53, 5), id="30-s-stores-one-of-two"),
        pytest.param(15, WindowShape(4, 53, 5), id="15-s-one-of-four"),
        pytest.param(5, WindowShape(12, 53, 5), id="5-s-one-of-twelve"),
        pytest.param(1, WindowShape(60, 53, 5), id="1-s-one-of-sixty"),
        pytest.param(40, WindowShape(2, 45, 4), id="40-s-has-a-gap-of-five-minutes-at-least"),
        pytest.param(60, WindowShape(1, 53, 5), id="60-s-stores-each"),
        pytest.param(300, WindowShape(1, 12, 1), id="5-min-is-the-exact-shape"),
        pytest.param(3600, WindowShape(1, 5, 1), id="1-h-too"),
    ],
)
def test_shape(interval: float, shape: WindowShape) -> None:
    assert compact_shape(WindowShape.of(interval)) == shape


@given(st.floats(0.5, 7200))
def test_at_every_interval_the_memory_is_bounded_and_the_gap_is_long_enough(interval: float) -> None:
    exact = WindowShape.of(interval)
    shape = compact_shape(exact)
    assert shape.stored <= 58
    assert shape.gap * shape.stride >= exact.gap * exact.stride
    assert shape.window >= min(exact.window, 30)


@given(st.floats(2.0**-60, 2.0**63, width=32))
def test_a_sample_is_kept_within_a_thousandth(value: float) -> None:
    assert decoded(encoded(np.array([value])))[0] == pytest.approx(value, rel=WITHIN, abs=0)


@given(st.floats(0, 2.0**63, width=32), st.floats(0, 2.0**63, width=32))
def test_order_is_kept(left: float, right: float) -> None:
    low, high = encoded(np.array(sorted((left, right))))
    assert low <= high


@pytest.mark.parametrize("value", [0.0, 1.0, 1023.0, 65_536.0, 2.0**40, 2.0**50])
def test_what_has_few_bits_is_kept_as_it_is(value: float) -> None:
    assert decoded(encoded(np.array([value])))[0] == value


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
def test_what_is_no_sample_is_a_hole(value: float) -> None:
    assert np.isnan(decoded(encoded(np.array([value])))).all()


def constant(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return np.broadcast_to(random.uniform(0, 2**40, shape[1:]), shape)


def noisy(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return random.gamma(4.0, 1.0, shape) * random.gamma(1.0, 1e6, shape[1:])


def heavy_tailed(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return random.pareto(0.7, shape)


def bursty(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return np.where(random.random(shape) < 0.1, random.gamma(1.0, 1e9, shape), 0.0)


def holed(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return np.where(random.random(shape) < 0.4, np.nan, noisy(random, shape))


def absurd(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return np.where(random.random(shape) < 0.3, 1e15, noisy(random, shape))


KINDS = (constant, noisy, heavy_tailed, bursty, holed, absurd)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), ticks=st.integers(0, 120))
def test_of_the_same_samples_quartiles_agree_within_a_thousandth(kind, seed: int, ticks: int) -> None:  # type: ignore[no-untyped-def]
    shape = compact_shape(SHAPE)
    exact = TrailingRing(shape, features=2, capacity=3)
    compact = CompactRing(shape, features=2, capacity=3)
    for values in kind(np.random.default_rng(seed), (ticks, 3, 2)):
        exact.push(values)
        compact.push(values)
    for read in ("before_gap", "newest"):
        wanted, held = quantiles(getattr(exact, read)(slice(None)), QUARTILES)
        got, count = quantiles(getattr(compact, read)(slice(None)), QUARTILES)
        assert (held == count).all()
        # Each quartile lies between two samples that are within a thousandth of their own.
        np.testing.assert_allclose(got, wanted, rtol=WITHIN)


@pytest.mark.parametrize("kind", [noisy, heavy_tailed, holed])
def test_one_sample_a_minute_stands_for_the_hour(kind) -> None:  # type: ignore[no-untyped-def]
    """In ranks, which holds for any distribution: the compact quartile lies where a sample of 50 would put it."""
    random, pods = np.random.default_rng(1), 400
    exact = TrailingRing(WindowShape.of(15), features=1, capacity=pods)
    compact = CompactRing(compact_shape(exact.shape), features=1, capacity=pods)
    for values in kind(random, (exact.shape.stored, pods, 1)):
        exact.push(values)
        compact.push(values)
    hour = exact.before_gap(slice(None))[:, 0]
    got, _ = quantiles(compact.before_gap(slice(None)), QUARTILES)
    held = np.isfinite(hour).sum(axis=1)
    for share, quartile in zip(QUARTILES, got[:, :, 0], strict=True):
        rank = (hour <= quartile[:, None]).sum(axis=1) / held
        assert rank.mean() == pytest.approx(share, abs=0.02)  # not biased
        assert rank.std() < 0.11  # sqrt(.25 / 30 samples) = .09 with two fifths missing


def test_forgetting_clears_a_slot_for_the_next_pod() -> None:
    ring = CompactRing(compact_shape(SHAPE), features=2, capacity=3)
    for _ in range(60):
        ring.push(np.full((3, 2), 7.0))
    ring.forget(np.array([1]))
    assert np.isnan(ring.newest(slice(1, 2))).all()
    assert (ring.newest(np.array([0, 2])) == 7.0).all()
    ring.push(np.full((3, 2), 9.0))
    assert np.nanmin(ring.newest(slice(1, 2))) == 9.0


def test_growing_adds_slots_without_samples() -> None:
    ring = CompactRing(compact_shape(SHAPE), features=1, capacity=2)
    ring.push(np.full((2, 1), 3.0))
    before = ring.newest(slice(0, 2))
    ring.grow(4)
    np.testing.assert_array_equal(ring.newest(slice(0, 2)), before)
    assert np.isnan(ring.newest(slice(2, 4))).all()


@pytest.mark.parametrize("ticks", [0, 1, 7, 129, 131, 400])
def test_an_exact_ring_becomes_the_compact_one_of_the_same_past(ticks: int) -> None:
    exact = TrailingRing(WindowShape.of(30), features=1, capacity=2)
    for tick in range(ticks):
        exact.push(np.array([[tick], [1000 + tick]]))
    compact = CompactRing.of(exact)
    # Whole numbers below 1,024 are exact; the newest sample is the last that was pushed.
    held = compact.newest(slice(0, 1))
    wanted = list(range(ticks - 1, -1, -2))[: compact.shape.window][::-1]
    assert np.sort(held[np.isfinite(held)]).tolist() == wanted
    assert compact.memory_bytes < exact.memory_bytes / 4
