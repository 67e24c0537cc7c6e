"""Bands of what repeats: the highest and the lowest deviation that a bin usually sees.

Per row, feature and bin the extremes of each of the last turns; the band is their median, so that it needs
more than half of the turns to call something usual: cron at its hour, a peak on every hour. Memory: 2 bytes
× bins × (turns + 1, the running one) a row and feature.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from podvigil.detect.habits.clock import Clock
from podvigil.detect.habits.groups import Groups
from podvigil.window.arrays import Array, Indices, grown

STEPS: Final = 16
"""Extremes are kept in sixteenths on the asinh scale: fine where they are small, and none is too large."""

NOTHING: Final = 255

WIDER: Final = 1.5
"""What lies within one and a half times the band is usual."""

NEIGHBOUR_SECONDS: Final = 600.0
"""A start ten minutes early or late is still in the neighbour's time."""


@dataclass(frozen=True, slots=True)
class Band:
    """How far up and down is usual, ≥ 0 each, sigma units, 0 = no history; rows or slots × features."""

    up: Array
    down: Array

    def of(self, rows: Indices) -> "Band":
        """The band of each slot by its row; 0 for -1."""
        known = (rows >= 0)[:, None]
        return Band(np.where(known, self.up[rows], 0.0), np.where(known, self.down[rows], 0.0))

    def wider(self, other: "Band") -> "Band":
        """Whichever allows more."""
        return Band(np.maximum(self.up, other.up), np.maximum(self.down, other.down))

    def beyond(self, sigma: Array) -> Array:
        """What is left of a deviation outside the band; both sigma units, signed."""
        left: Array = sigma - np.clip(sigma, -WIDER * self.down, WIDER * self.up)
        return left


class ClockBand:
    """Bands by bin of a clock, over its last `turns`."""

    def __init__(self, clock: Clock, *, turns: int, least_turns: int, features: int) -> None:
        self.clock = clock
        self._least = least_turns
        self._places = turns + 1
        """The last turns, and the running one: its bin is not known before it ends."""
        # Index 0: up, 1: down.
        self._kept = np.full((0, 2, self._places, clock.bins, features), NOTHING, np.uint8)
        self._newest: int | None = None
        self._current: Array = np.full((0, 2, features), -np.inf, np.float32)
        self._open: tuple[int, int] | None = None
        self._near: list[Band] = []

    def read(self, moment: float) -> Band:
        """What is usual at this time, (rows, features); call before `learn`."""
        now = self.clock.at(moment)
        if self._open != (now.turn, now.index):
            self._turn_to(now.turn, now.index)
        before, here, after = self._near
        margin = min(NEIGHBOUR_SECONDS / self.clock.bin_seconds, 0.5)
        if now.fraction < margin:
            here = here.wider(before)
        if now.fraction > 1 - margin:
            here = here.wider(after)
        return here

    def learn(self, groups: Groups, sigma: Array) -> None:
        """Take one sample's deviations of all pods, (slots, features), sigma units, NaN = none."""
        rows = groups.rows
        for side, signed in enumerate((sigma, -sigma)):
            self._current[rows, side] = np.maximum(self._current[rows, side], groups.highest(signed))

    def forget(self, rows: Indices) -> None:
        """Drop what is known of these rows."""
        self._kept[rows] = NOTHING
        self._current[rows] = -np.inf
        for band in self._near:
            band.up[rows] = band.down[rows] = 0.0

    def grow(self, rows: int) -> None:
        """Add rows of which nothing is known."""
        self._kept = grown(self._kept, rows, NOTHING)
        self._current = grown(self._current, rows, -np.inf)
        self._near = [Band(grown(one.up, rows, 0.0), grown(one.down, rows, 0.0)) for one in self._near]

    def _turn_to(self, turn: int, index: int) -> None:
        if self._open is not None:
            old_turn, old_index = self._open
            place, seen = old_turn % self._places, packed(self._current)
            # Of a bin that a clock turned back to, what it was like is still known.
            self._kept[:, :, place, old_index] = np.where(
                seen == NOTHING, self._kept[:, :, place, old_index], seen
            )
            self._current[:] = -np.inf
        self._make_room(turn)
        self._open = (turn, index)
        self._near = [self._usual(near % self.clock.bins) for near in (index - 1, index, index + 1)]

    def _make_room(self, turn: int) -> None:
        """Let the oldest turn give way to a newer one, also those that were missed."""
        newest = self._newest if self._newest is not None else turn - 1
        if turn < newest - self._places:  # the clock was far ahead, and is right again
            newest = turn - 1
        for missed in range(newest + 1, min(turn, newest + self._places) + 1):
            self._kept[:, :, missed % self._places] = NOTHING
        self._newest = max(newest, turn)

    def _usual(self, index: int) -> Band:
        return usual(self._kept[:, :, :, index], self._least)


def packed(extremes: Array) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Steps of extremes in sigma units; -inf (nothing was seen) becomes `NOTHING`."""
    steps = np.clip(np.ceil(np.arcsinh(np.maximum(extremes, 0.0)) * STEPS), 0, NOTHING - 1)
    return np.where(np.isneginf(extremes), NOTHING, steps).astype(np.uint8)


def usual(kept: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], least: int) -> Band:
    """Median over the turns, (rows, 2, turns, features), where there are enough of them."""
    ranked = np.sort(kept, axis=2)  # what is missing sorts last
    count = (ranked != NOTHING).sum(axis=2)
    middle = np.maximum(count - 1, 0)[:, :, None] // 2
    found = np.sinh(np.take_along_axis(ranked, middle, axis=2)[:, :, 0] / STEPS)
    both = np.where(count >= least, found, 0.0).astype(np.float32)
    return Band(both[:, 0], both[:, 1])
