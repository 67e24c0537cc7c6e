"""A pod's own lasting offset from what its workload is like: an older cache, a larger shard.

Memory: 4 + 2 × `SNAPSHOTS` bytes a pod and feature.
"""

from typing import Final

import numpy as np

from podvigil.window.arrays import Array, Indices, Mask, grown, zeroed

MEMORY_SECONDS: Final = 12 * 3600.0
"""Half a day: long against an incident, short against a lasting change."""

LAG_SECONDS: Final = 3600.0
"""The last hour does not count yet, so that a running fault does not explain itself."""

FIRST_SECONDS: Final = 2 * 3600.0
"""A young pod's offset leans on 0 as if it had been seen there for two hours."""

LIMIT: Final = 0.7
"""What enters is clipped to ± .7 (half to double): whatever happens, a fault is learnt to no more."""

UNSURE: Final = 0.15
"""Replicas differ by about this much, so until its own offset is learnt a pod may."""

SNAPSHOTS: Final = 5
"""One each quarter of the lag: what is read is 60 to 75 minutes old."""


class LaggedOffset:
    """Exponentially weighted offsets by slot and feature, read an hour late."""

    def __init__(self, *, features: int, capacity: int, memory_seconds: float = MEMORY_SECONDS) -> None:
        self._memory = memory_seconds
        self._now: Array = np.zeros((capacity, features), np.float32)
        self._seconds: Array = np.zeros((capacity, features), np.float32)
        self._past: Array = np.zeros((SNAPSHOTS, capacity, features), np.float16)
        self._newest = 0
        self._since = 0.0

    def read(self) -> Array:
        """The offset of an hour ago, (slots, features); 0 for a pod that is younger."""
        lagged: Array = self._past[(self._newest + 1) % SNAPSHOTS].astype(np.float32)
        return lagged

    def seconds(self) -> Array:
        """For how long each offset was learnt, at most its memory."""
        return self._seconds

    def unsure(self) -> Array:
        """How far each offset may be wrong, (slots, features), logarithm: pods differ, and this one is new."""
        return UNSURE * (1.0 - self._seconds / self._memory)

    def slack(self) -> tuple[Array, Array]:
        """How far back towards no offset at all a value may lie, up and down, (slots, features), ≥ 0.

        A slow fault is learnt as well; when it ends, the pod is like its workload again, and right so.
        """
        own = self.read()
        return np.maximum(-own, 0.0), np.maximum(own, 0.0)

    def learn(self, offsets: Array, elapsed_seconds: float) -> None:
        """Take what was seen over the last seconds, NaN = nothing."""
        known = np.isfinite(offsets)
        self._seconds = np.minimum(self._seconds + known * np.float32(elapsed_seconds), self._memory)
        share = np.minimum(elapsed_seconds / np.minimum(self._seconds + FIRST_SECONDS, self._memory), 1.0)
        wanted = np.clip(zeroed(offsets), -LIMIT, LIMIT)
        self._now = np.where(known, self._now + share * (wanted - self._now), self._now).astype(np.float32)
        self._since += elapsed_seconds
        while self._since >= LAG_SECONDS / (SNAPSHOTS - 1):
            self._since -= LAG_SECONDS / (SNAPSHOTS - 1)
            self._newest = (self._newest + 1) % SNAPSHOTS
            self._past[self._newest] = self._now

    def forget(self, slots: Indices | Mask) -> None:
        """Drop what is known of these slots."""
        self._now[slots] = self._seconds[slots] = 0.0
        self._past[:, slots] = 0.0

    def grow(self, capacity: int) -> None:
        """Add slots of which nothing is known."""
        self._now, self._seconds = grown(self._now, capacity, 0.0), grown(self._seconds, capacity, 0.0)
        past = np.zeros((SNAPSHOTS, capacity, self._now.shape[1]), np.float16)
        past[:, : self._past.shape[1]] = self._past
        self._past = past
