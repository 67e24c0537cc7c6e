"""The ring holds exactly the window and the gap, at every interval."""

import numpy as np
import pytest

from podvigil.window.ring import MAX_STORED, TrailingRing, WindowShape


@pytest.mark.parametrize(
    ("interval", "shape"),
    [
        pytest.param(30, WindowShape(1, 120, 10), id="30-s-is-an-hour-of-120"),
        pytest.param(15, WindowShape(1, 240, 20), id="15-s"),
        pytest.param(5, WindowShape(1, 720, 60), id="5-s-is-the-finest-stored"),
        pytest.param(1, WindowShape(5, 720, 60), id="1-s-stores-every-fifth"),
        pytest.param(2, WindowShape(3, 600, 50), id="2-s-stores-every-third"),
        pytest.param(3600, WindowShape(1, 5, 1), id="1-h-looks-back-five-samples"),
    ],
)
def test_shape(interval: float, shape: WindowShape) -> None:
    assert WindowShape.of(interval) == shape
    assert shape.stored <= MAX_STORED


@pytest.mark.parametrize("interval", [0, -1, float("nan"), float("inf")])
def test_an_impossible_interval_is_named(interval: float) -> None:
    with pytest.raises(ValueError, match="interval"):
        WindowShape.of(interval)


def ring(stride: int = 1) -> TrailingRing:
    return TrailingRing(WindowShape(stride, window=5, gap=2), features=1, capacity=2)


def filled(count: int, stride: int = 1) -> TrailingRing:
    held = ring(stride)
    for tick in range(count):
        held.push(np.array([[tick], [100 + tick]]))
    return held


def test_what_is_in_the_window_and_what_is_in_the_gap() -> None:
    for count in (7, 8, 9, 12, 14, 15):  # all positions of the write index
        held = filled(count)
        before = np.sort(held.before_gap(slice(0, 1)).ravel())
        newest = np.sort(held.newest(slice(0, 1)).ravel())
        assert before.tolist() == list(range(count - 7, count - 2))
        assert newest.tolist() == list(range(count - 5, count))


def test_below_the_finest_step_every_kth_is_stored() -> None:
    held = filled(21, stride=3)  # stored: 0, 3, 6, … 18
    assert np.sort(held.newest(slice(0, 1)).ravel()).tolist() == [6, 9, 12, 15, 18]


def test_forgetting_leaves_the_others() -> None:
    held = filled(7)
    held.forget(np.array([0]))
    assert np.isnan(held.newest(slice(0, 1))).all()
    assert np.isfinite(held.newest(slice(1, 2))).all()


def test_growing_keeps_what_is_there() -> None:
    held = filled(7)
    before = held.newest(slice(0, 2))
    held.grow(4)
    assert held.capacity == 4
    assert (held.newest(slice(0, 2)) == before).all()
    assert np.isnan(held.newest(slice(2, 4))).all()
