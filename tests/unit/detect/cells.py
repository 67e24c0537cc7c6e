"""Cells for tests: small, exact, and one per thing that a test wants to see."""

import numpy as np

from podvigil.detect.cell import HIDDEN, INPUTS, SLOTS, CellOutput, Floats


class RecordingCell:
    """Counts its steps in `h`, and keeps what it was given; expects nothing and suspects nothing."""

    inputs = INPUTS
    hidden = HIDDEN

    def __init__(self, *, expected_u: float = 0.0, logit: float = 0.0) -> None:
        self.expected_u = expected_u
        self.logit = logit
        self.seen: list[dict[str, Floats]] = []

    def step(
        self, x: Floats, previous_u: Floats, evidence: Floats, h: Floats, c: Floats, h_lagged: Floats
    ) -> CellOutput:
        """Answer the same for every pod; `h` grows by 1/1024 a step, exact in float16."""
        self.seen.append({"x": x, "previous_u": previous_u, "evidence": evidence, "h_lagged": h_lagged})
        pods = len(x)
        return CellOutput(
            np.full((pods, SLOTS), self.expected_u, np.float32),
            np.full(pods, self.logit, np.float32),
            h + np.float32(1 / 1024),
            c,
        )


class BrokenCell(RecordingCell):
    """Answers NaN, as a network with spoilt weights would."""

    def step(
        self, x: Floats, previous_u: Floats, evidence: Floats, h: Floats, c: Floats, h_lagged: Floats
    ) -> CellOutput:
        """Answer nothing but NaN."""
        wide = np.full((len(x), HIDDEN), np.nan, np.float32)
        return CellOutput(wide[:, :SLOTS], wide[:, 0], wide, wide)
