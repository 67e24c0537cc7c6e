"""
One step of the network for all pods: the only file that knows how the network is run.

The detector calls `Cell.step` once per tick; `training.convert` writes the file that `LiteRTCell` runs.
Nothing here knows what the inputs mean: `detect.network_input` builds and names them. A `Cell` holds no
state between calls, so the same object serves any number of detectors on one thread.
"""

from typing import Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter

Floats = npt.NDArray[np.float32]

SLOTS: Final = 4
"""Feature slots of the network, in the order of `api.features.MODEL_FEATURES`."""
INPUTS: Final = 24
"""Columns of `x`: deviation, cluster median, level and scale of four slots each, then eight flags."""
HIDDEN: Final = 32
"""Units of the LSTM: more brought nothing, and state is paid per pod."""

BLOCK: Final = 256
"""Pods per invocation: the activations of 256 pods (~250 KB) stay in the second-level cache."""
REMAINDER_STEP: Final = 32
"""The last block is padded up to a multiple of this, so that a few new pods do not resize the graph."""

_SIGNATURE: Final = "serving_default"
_WIDTHS: Final = {
    "x": INPUTS,
    "previous_u": SLOTS,
    "evidence": 1,
    "h": HIDDEN,
    "c": HIDDEN,
    "h_lagged": HIDDEN,
}
_OUTPUTS: Final = {"expected_u": SLOTS, "logit": 1, "h": HIDDEN, "c": HIDDEN}


class CellOutput(NamedTuple):
    """What one step says about B pods; all float32."""

    expected_u: Floats
    """(B, SLOTS): expected deviation on the asinh scale, within ±4; slots without a feature mean nothing."""
    logit: Floats
    """(B,): log-odds that the pod is at fault now, before calibration."""
    h: Floats
    """(B, HIDDEN): what to pass as `h` at the next step, and as `h_lagged` five minutes later."""
    c: Floats
    """(B, HIDDEN): what to pass as `c` at the next step."""


class Cell(Protocol):
    """A network that is stepped once per sample, with its state kept by the caller."""

    @property
    def inputs(self) -> int:
        """Columns of `x`."""
        ...

    @property
    def hidden(self) -> int:
        """Columns of `h`, `c` and `h_lagged`; a new pod starts with zeros."""
        ...

    def step(
        self, x: Floats, previous_u: Floats, evidence: Floats, h: Floats, c: Floats, h_lagged: Floats
    ) -> CellOutput:
        """
        Advance B pods by one sample; B may be 0 and may change between calls.

        Args:
            x: (B, inputs), finite, already clipped.
            previous_u: (B, SLOTS), the first four columns of the previous `x`.
            evidence: (B,), smoothed weighted deviation: the statistics' own verdict.
            h, c: (B, hidden), state after the previous sample.
            h_lagged: (B, hidden), `h` of five minutes ago, so that a running fault is not in its own
                expectation; zeros while there is none.
        """
        ...


class UnusableCell(ValueError):
    """The bytes are no network that this version can step; the message says which tensor differs."""


class LiteRTCell:
    """Runs a LiteRT flat buffer on one thread; not safe for use by two threads at once."""

    inputs: Final = INPUTS
    hidden: Final = HIDDEN

    def __init__(self, content: bytes) -> None:
        """
        Check the graph and prepare it.

        Raises: UnusableCell when LiteRT refuses the bytes or a tensor is missing or has another shape.
        """
        # Two copies of a 65 KB graph: one keeps the shape of full blocks, the other follows the remainder.
        # With one, both shapes would be allocated anew on every tick.
        self._full = _Runner(content)
        self._rest = _Runner(content)

    def step(
        self, x: Floats, previous_u: Floats, evidence: Floats, h: Floats, c: Floats, h_lagged: Floats
    ) -> CellOutput:
        """See `Cell.step`."""
        pods = len(x)
        feeds = {
            "x": x,
            "previous_u": previous_u,
            "evidence": evidence[:, None],
            "h": h,
            "c": c,
            "h_lagged": h_lagged,
        }
        feeds = {name: np.ascontiguousarray(value, np.float32) for name, value in feeds.items()}
        for name, value in feeds.items():
            if value.shape != (pods, _WIDTHS[name]):
                raise ValueError(f"{name}: shape {value.shape}, wanted {(pods, _WIDTHS[name])}")
        results = {name: np.empty((pods, width), np.float32) for name, width in _OUTPUTS.items()}
        start = 0
        while start < pods:
            size = min(BLOCK, pods - start)
            runner, padded = (self._full, BLOCK) if size == BLOCK else (self._rest, _padded(size))
            block = {name: _rows(value, start, size, padded) for name, value in feeds.items()}
            for name, value in runner(block).items():
                results[name][start : start + size] = value[:size]
            start += size
        return CellOutput(results["expected_u"], results["logit"][:, 0], results["h"], results["c"])


class _Runner:
    """One LiteRT interpreter with the cell's signature."""

    def __init__(self, content: bytes) -> None:
        try:
            self._interpreter = Interpreter(model_content=content, num_threads=1)
            signatures = self._interpreter.get_signature_list()
            if _SIGNATURE not in signatures:
                raise UnusableCell(f"no signature {_SIGNATURE!r}, only {sorted(signatures)}")
            # Interpreter and runner belong together: the runner alone would not keep the buffer alive.
            self._run = self._interpreter.get_signature_runner(_SIGNATURE)
            _check("input", self._run.get_input_details(), _WIDTHS)
            _check("output", self._run.get_output_details(), _OUTPUTS)
            # LiteRT looks at some parts of a graph only when it runs them.
            self._try_out()
        except UnusableCell:
            raise
        except (ValueError, RuntimeError, IndexError) as error:  # what a damaged graph was seen to raise
            raise UnusableCell(f"LiteRT cannot read it: {' '.join(str(error).split())}") from error

    def __call__(self, block: dict[str, Floats]) -> dict[str, Floats]:
        outputs: dict[str, Floats] = self._run(**block)
        return outputs

    def _try_out(self) -> None:
        for rows in (BLOCK, REMAINDER_STEP):
            outputs = self({name: np.zeros((rows, width), np.float32) for name, width in _WIDTHS.items()})
            for name, width in _OUTPUTS.items():
                if outputs[name].shape != (rows, width) or not np.isfinite(outputs[name]).all():
                    raise UnusableCell(f"{name} of a new pod is not {width} finite numbers")


def _check(kind: str, found: dict[str, dict[str, npt.NDArray[np.int32]]], wanted: dict[str, int]) -> None:
    widths = {name: int(detail["shape"][-1]) for name, detail in found.items()}
    if widths != wanted:
        raise UnusableCell(
            f"{kind} widths {dict(sorted(widths.items()))}, wanted {dict(sorted(wanted.items()))}"
        )


def _padded(size: int) -> int:
    return -(-size // REMAINDER_STEP) * REMAINDER_STEP


def _rows(value: Floats, start: int, size: int, padded: int) -> Floats:
    rows = value[start : start + size]
    if size == padded:
        return rows
    block = np.zeros((padded, value.shape[1]), np.float32)
    block[:size] = rows
    return block
