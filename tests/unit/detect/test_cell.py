"""The shipped cell, stepped as the detector steps it."""

from pathlib import Path

import numpy as np
import pytest

from podvigil.detect.cell import (
    BLOCK,
    HIDDEN,
    INPUTS,
    REMAINDER_STEP,
    SLOTS,
    CellOutput,
    LiteRTCell,
    UnusableCell,
)

SHIPPED = Path(__file__).parents[3] / "models" / "cell.tflite"


@pytest.fixture(scope="module")
def cell() -> LiteRTCell:
    return LiteRTCell(SHIPPED.read_bytes())


def stepped(cell: LiteRTCell, pods: int, seed: int = 0) -> CellOutput:
    rng = np.random.default_rng(seed)

    def some(*shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return rng.normal(size=(pods, *shape)).astype(np.float32)

    return cell.step(some(INPUTS), some(SLOTS), some(), some(HIDDEN), some(HIDDEN), some(HIDDEN))


@pytest.mark.parametrize(
    "pods",
    [0, 1, REMAINDER_STEP, REMAINDER_STEP + 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5],
)
def test_every_number_of_pods_gives_that_many_answers(cell: LiteRTCell, pods: int) -> None:
    out = stepped(cell, pods)
    assert out.expected_u.shape == (pods, SLOTS)
    assert out.logit.shape == (pods,)
    assert out.h.shape == out.c.shape == (pods, HIDDEN)
    assert all(np.isfinite(part).all() for part in out)


def test_a_pod_is_judged_the_same_in_any_company(cell: LiteRTCell) -> None:
    rng = np.random.default_rng(1)
    pods = 2 * BLOCK + 7
    widths = (INPUTS, SLOTS, 1, HIDDEN, HIDDEN, HIDDEN)
    x, previous, evidence, h, c, lagged = (rng.normal(size=(pods, w)).astype(np.float32) for w in widths)
    together = cell.step(x, previous, evidence[:, 0], h, c, lagged)
    for pod in (0, BLOCK - 1, BLOCK, pods - 1):
        one = slice(pod, pod + 1)
        alone = cell.step(x[one], previous[one], evidence[one, 0], h[one], c[one], lagged[one])
        for got, wanted in zip(alone, together, strict=True):
            np.testing.assert_allclose(got, wanted[one], atol=1e-6)


def test_a_step_leaves_its_inputs_alone_and_its_outputs_are_the_callers(cell: LiteRTCell) -> None:
    first = stepped(cell, 5, seed=2)
    kept = [part.copy() for part in first]
    stepped(cell, 5, seed=3)
    for got, wanted in zip(first, kept, strict=True):
        np.testing.assert_array_equal(got, wanted)


def test_the_expectation_is_bounded(cell: LiteRTCell) -> None:
    zeros = np.zeros((1, HIDDEN), np.float32)
    x = np.full((1, INPUTS), 8, np.float32)
    out = cell.step(x, x[:, :SLOTS], np.full(1, 8, np.float32), zeros, zeros, zeros)
    assert np.abs(out.expected_u).max() <= 4


def test_a_slot_is_not_expected_to_be_what_it_is(cell: LiteRTCell) -> None:
    """Else a running fault would explain itself."""
    rng = np.random.default_rng(4)
    x = rng.normal(size=(1, INPUTS)).astype(np.float32)
    zeros, evidence = np.zeros((1, HIDDEN), np.float32), np.zeros(1, np.float32)
    before = cell.step(x, x[:, :SLOTS], evidence, zeros, zeros, zeros).expected_u
    for slot in range(SLOTS):
        high, previous = x.copy(), x[:, :SLOTS].copy()
        high[:, slot] = high[:, 2 * SLOTS + slot] = previous[:, slot] = 8
        after = cell.step(high, previous, evidence, zeros, zeros, zeros).expected_u
        assert after[0, slot] == pytest.approx(before[0, slot], abs=1e-6)


def test_a_wrong_width_names_the_input(cell: LiteRTCell) -> None:
    zeros = np.zeros((2, HIDDEN), np.float32)
    with pytest.raises(ValueError, match=r"previous_u: shape \(2, 3\), wanted \(2, 4\)"):
        cell.step(
            np.zeros((2, INPUTS), np.float32),
            np.zeros((2, 3), np.float32),
            np.zeros(2, np.float32),
            zeros,
            zeros,
            zeros,
        )


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"not a flat buffer at all", id="text"),
        pytest.param(b"\x1c\x00\x00\x00TFL3" + bytes(200), id="only-the-magic"),
    ],
)
def test_bytes_that_are_no_network_are_refused(content: bytes) -> None:
    with pytest.raises(UnusableCell):
        LiteRTCell(content)
