"""A pod that has stopped serving while its season is not known: its own hour stands in for the season.

The hour weighs a fall lightly, since most falls are less work, and so a hung process or a cut connection would never
be reported before days have been learnt. What falls below three tenths of the hour and stays there is another
matter, unless the whole cluster fell or the pod did as much a few hours ago: workers do run out of work.

A single sample near nothing says nothing: healthy pods show one now and then, where counters are read late and
divided by time (most services of Online Boutique and Train Ticket). Hence the run of samples, and of the run its best
sample is judged.

Memory: 20 bytes a pod for each of CPU and traffic.
"""

from typing import Final

import numpy as np

from podvigil.detect.habits.deviation import BAND, Expected, Habitual, judged
from podvigil.detect.habits.load import Columns
from podvigil.detect.habits.logs import log_level
from podvigil.detect.treatment import cluster_median
from podvigil.window.arrays import Array, Indices, Mask, grown

DEEP: Final = 1.2
"""Logarithm: below three tenths of the hour. Load that moves between replicas falls by half (`load.LESS_WORK`)."""

RUN_SECONDS: Final = 180.0
"""Three minutes without one better sample; pauses for collections and reloads are shorter."""

LEAST_RUN: Final = 3
"""Samples, however far apart: two may be one counter that was read late."""

MEMORY_SECONDS: Final = 86_400.0
"""How long a pod's last standstill excuses the next: a third of its depth is left after a day."""


class Standstill:
    """Runs of low samples by slot, for the features that follow load."""

    def __init__(self, columns: Columns, *, features: int, capacity: int, interval_seconds: float) -> None:
        # Without traffic nothing tells a stuck pod from one that nobody asks.
        self._columns = np.array(columns.follow_load if columns.network else (), np.intp)
        self._features = features
        self._least = max(LEAST_RUN, round(RUN_SECONDS / interval_seconds))
        self._keep = float(np.exp(-interval_seconds / MEMORY_SECONDS))
        shape = capacity, len(self._columns)
        self._run = np.zeros(shape, np.int32)
        self._best: Array = np.zeros(shape)
        self._before: Array = np.zeros(shape)

    def judge(
        self, values: Array, center: Array, scale: Array, ground: Array, watched: Mask
    ) -> Habitual | None:
        """Take one sample; say what stands still, NaN and 0 elsewhere, or None where nothing does.

        Args:
            values, center, scale: (slots, features) natural units, the trailing hour's; NaN = not known.
            ground: (features,), added before logarithms.
            watched: (slots,): there, with an hour of its own and without a season.
        """
        if not (self._columns.size and watched.any()):
            return None
        columns = self._columns
        values, center, scale = values[:, columns], center[:, columns], scale[:, columns]
        ground = ground[columns]
        self._before *= self._keep
        with np.errstate(invalid="ignore"):
            low = (values + ground < np.exp(-DEEP) * (center + ground)) & watched[:, None]
        here = np.flatnonzero((low | (self._run > 0)).any(axis=1))
        if not here.size:
            return None
        expected = log_level(center[here], ground)
        self._follow(here, values[here], low[here], expected, ground)
        still = self._run[here] >= self._least
        if not still.any():
            return None
        # Where the middle pod fell as well, there was less for everybody to do.
        off = log_level(values, ground) - log_level(center, ground)
        everybody = np.maximum(-cluster_median(off, np.isfinite(off)), 0.0)
        down = np.maximum(np.maximum(self._before[here], DEEP), everybody)
        usual = Expected(expected, np.zeros(expected.shape))
        up = np.full(down.shape, np.inf)
        found = judged(self._best[here], usual, up, down, ground, scale[here])
        return self._spread(here, still & (found.deviation < 0), center[here], down, found.deviation)

    def release(self, slots: Indices) -> None:
        """Forget these slots."""
        self._run[slots] = 0
        self._best[slots] = self._before[slots] = 0.0

    def grow(self, capacity: int) -> None:
        """Add slots at the end."""
        self._run = grown(self._run, capacity, 0)
        self._best, self._before = grown(self._best, capacity, 0.0), grown(self._before, capacity, 0.0)

    def _follow(self, here: Indices, values: Array, low: Mask, expected: Array, ground: Array) -> None:
        """Go on with the runs of these slots, or end them; a sample that is missing does neither."""
        run, best = self._run[here], self._best[here]
        seen = np.isfinite(values)
        ended = seen & ~low & (run > 0)
        lasted = ended & (run >= self._least)
        depth = expected - log_level(best, ground)
        self._before[here] = np.where(lasted, np.fmax(self._before[here], depth), self._before[here])
        self._best[here] = np.where(low, np.where(run > 0, np.fmax(best, values), values), best)
        self._run[here] = np.where(low, run + 1, np.where(ended, 0, run))

    def _spread(
        self, here: Indices, standing: Mask, center: Array, down: Array, deviation: Array
    ) -> Habitual:
        """From these slots and columns to all slots and features; the band ends where a fall begins to count."""
        shape, places = (len(self._run), self._features), np.ix_(here, self._columns)
        spread = center * (1 - np.exp(-down)) / BAND

        def spread_out(values: Array, elsewhere: float) -> Array:
            whole = np.full(shape, elsewhere)
            whole[places] = np.where(standing, values, elsewhere)
            return whole

        return Habitual(spread_out(center, np.nan), spread_out(spread, np.nan), spread_out(deviation, 0.0))
