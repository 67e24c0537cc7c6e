"""A pod's own lasting offset from what its workload is like: an older cache, a larger shard, the leader of three.

Two parts. The first half-day of a pod says what it is like: its standing offset, since a leader with four times the
load of its followers is no fault. What comes later is a passing offset, soon learnt, that never exceeds a half or the
double; what stays in it for days becomes standing.

Memory: 12 + 2 × `SNAPSHOTS` bytes a pod and feature.
"""

from typing import Final

import numpy as np

from podvigil.window.arrays import Array, Indices, Mask, grown, zeroed

MEMORY_SECONDS: Final = 12 * 3600.0
"""Half a day: long against an incident, short against a lasting change."""

LAG_SECONDS: Final = 3600.0
"""The last hour does not count yet, so that a running fault does not explain itself."""

FIRST_SECONDS: Final = 2 * 3600.0
"""A new pod's offset leans on 0 as if it had been seen there for two hours."""

LIMIT: Final = 0.7
"""What enters the passing offset is clipped to ± .7 (half to double): whatever happens, a fault of hours is learnt
to no more."""

STANDING_SECONDS: Final = 86_400.0
"""The passing offset becomes standing at its own size a day, so at most by half or double a day: four times as much
as the others is usual after two to three days, about when a season takes over a lasting change."""

STANDING_LIMIT: Final = 3.0
"""e^3 is 20 times: a pod further from the others than that is not their replica."""

LONGEST_SECONDS: Final = 8 * 86_400.0
"""As far back as a past is taught: what was lived through for as long is not changed by it any more."""

UNSURE: Final = 0.15
"""Replicas differ by about this much, so until its own offset is learnt a pod may."""

SNAPSHOTS: Final = 5
"""One each quarter of the lag: what is read is 60 to 75 minutes old."""


class LaggedOffset:
    """Exponentially weighted offsets by slot and feature, read an hour late."""

    def __init__(self, *, features: int, capacity: int, memory_seconds: float = MEMORY_SECONDS) -> None:
        self._memory = memory_seconds
        self._passing: Array = np.zeros((capacity, features), np.float32)
        self._standing: Array = np.zeros((capacity, features), np.float32)
        self._seconds: Array = np.zeros((capacity, features), np.float32)
        self._past: Array = np.zeros((SNAPSHOTS, capacity, features), np.float16)
        self._newest = 0
        self._since = 0.0

    def read(self) -> Array:
        """The offset of an hour ago, (slots, features); 0 for a pod that is younger."""
        lagged: Array = self._past[(self._newest + 1) % SNAPSHOTS].astype(np.float32)
        return lagged

    def seconds(self) -> Array:
        """For how long each offset was learnt, at most `LONGEST_SECONDS`."""
        return self._seconds

    def unsure(self) -> Array:
        """How far each offset may be wrong, (slots, features), logarithm: pods differ, and this one is new."""
        unsure: Array = UNSURE * np.maximum(1.0 - self._seconds / self._memory, 0.0)
        return unsure

    def slack(self) -> tuple[Array, Array]:
        """How far back towards no offset at all a value may lie, up and down, (slots, features), 0 to `LIMIT`.

        A slow fault is learnt as well; when it ends, the pod is like its workload again, and right so.
        """
        own = np.clip(self.read(), -LIMIT, LIMIT)
        return np.maximum(-own, 0.0), np.maximum(own, 0.0)

    def learn(self, offsets: Array, elapsed_seconds: float) -> None:
        """Take what was seen over the last seconds, NaN = nothing."""
        known = np.isfinite(offsets)
        self._seconds = np.minimum(self._seconds + known * np.float32(elapsed_seconds), LONGEST_SECONDS)
        share = np.minimum(elapsed_seconds / np.minimum(self._seconds + FIRST_SECONDS, self._memory), 1.0)
        wanted = np.clip(zeroed(offsets), -STANDING_LIMIT, STANDING_LIMIT) - self._standing
        is_new = self._seconds < self._memory
        passing = self._passing + share * (np.clip(wanted, -LIMIT, LIMIT) - self._passing)
        became = np.where(is_new, share * wanted, passing * min(elapsed_seconds / STANDING_SECONDS, 1.0))
        passing = np.where(is_new, 0.0, passing - became)
        self._standing = np.where(known, self._standing + became, self._standing).astype(np.float32)
        self._passing = np.where(known, passing, self._passing).astype(np.float32)
        self._since += elapsed_seconds
        while self._since >= LAG_SECONDS / (SNAPSHOTS - 1):
            self._since -= LAG_SECONDS / (SNAPSHOTS - 1)
            self._newest = (self._newest + 1) % SNAPSHOTS
            self._past[self._newest] = self._passing + self._standing

    def teach(self, slots: Indices, offsets: Array, times: Array) -> None:
        """Take a past of these slots into what they are like, one second of it for as much as one lived through.

        Args:
            slots: (K,), -1 = that pod is gone. offsets: (T, K, features), NaN = nothing.
            times: (T,) Unix seconds, rising evenly.
        """
        here = slots >= 0
        if len(times) < 2 or not here.any():
            return
        slots, seen = slots[here], offsets[:, here]
        known = np.isfinite(seen)
        room = LONGEST_SECONDS - self._seconds[slots]
        seconds = np.minimum(known.sum(axis=0) * (times[1] - times[0]), room)
        bounded = np.clip(zeroed(seen), -STANDING_LIMIT, STANDING_LIMIT)
        mean = bounded.sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        standing = self._standing[slots]
        share = seconds / np.maximum(self._seconds[slots] + seconds, 1.0)
        became = share * (mean - standing)
        self._standing[slots] = standing + became
        self._seconds[slots] += seconds
        self._past[:, slots] += became  # it is older than the lag

    def forget(self, slots: Indices | Mask) -> None:
        """Drop what is known of these slots."""
        self._passing[slots] = self._standing[slots] = self._seconds[slots] = 0.0
        self._past[:, slots] = 0.0

    def grow(self, capacity: int) -> None:
        """Add slots of which nothing is known."""
        self._passing, self._standing = (
            grown(self._passing, capacity, 0.0),
            grown(self._standing, capacity, 0.0),
        )
        self._seconds = grown(self._seconds, capacity, 0.0)
        past = np.zeros((SNAPSHOTS, capacity, self._passing.shape[1]), np.float16)
        past[:, : self._past.shape[1]] = self._past
        self._past = past
