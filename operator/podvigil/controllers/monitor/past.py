"""Days of the past, asked of the metrics source piece by piece, so that habits outlive the process.

A season needs days, and a process that starts has hours. After each tick one piece of the past is asked for,
the newest first, and laid into the season; scoring never waits for it. A pod that is gone counts for the
workload whose name its own begins with.
"""

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from podvigil.api.features import Feature
from podvigil.api.pods import PodKey, Workload
from podvigil.collect.columns import Matrix, parse_key
from podvigil.collect.errors import BadAnswer, Unaskable, WrongLabels
from podvigil.window.arrays import Array

logger = logging.getLogger(__name__)

DAYS: Final = 8
"""A week and a day: five or six weekdays and both days of the weekend."""

FINE_SECONDS: Final = 300.0
COARSE_SECONDS: Final = 1800.0
"""The steps that are asked for: six samples in each half-hour, of many pods one."""

MAXIMUM_SAMPLES: Final = 1_000_000
"""Of one feature in one piece, 8 MB as float64: 10,000 pods × 8 hours at five minutes."""

DAY_SECONDS: Final = 86_400.0

GENERATED: Final = {
    # What the controllers append: a template's hash and five letters, a number, or five letters alone.
    "Deployment": re.compile(r"(.+)-[a-z0-9]{1,10}-[a-z0-9]{5}"),
    "Rollout": re.compile(r"(.+)-[a-z0-9]{1,10}-[a-z0-9]{5}"),
    "StatefulSet": re.compile(r"(.+)-\d+"),
    "DaemonSet": re.compile(r"(.+)-[a-z0-9]{5}"),
    "ReplicaSet": re.compile(r"(.+)-[a-z0-9]{5}"),
}


@dataclass(frozen=True, slots=True)
class Piece:
    """A range of the past; Unix seconds, both ends included."""

    start: float
    end: float
    step: float


def pieces(until: float, pods: int) -> tuple[Piece, ...]:
    """Cut the last days into ranges that a source can answer at once, the newest first.

    Args:
        until: where the warm start's own history begins.
        pods: how many there are now; those gone since come on top, which the bound leaves room for.
    """
    step = FINE_SECONDS if pods * DAY_SECONDS / FINE_SECONDS <= 3 * MAXIMUM_SAMPLES else COARSE_SECONDS
    ticks = int(np.clip(MAXIMUM_SAMPLES // max(pods, 1), 1, DAY_SECONDS / step))
    last = (until // step) * step
    count = int(np.ceil(DAYS * DAY_SECONDS / (ticks * step)))
    ends = [last - number * ticks * step for number in range(count)]
    return tuple(Piece(end - (ticks - 1) * step, end, step) for end in ends)


def owners(pods: Iterable[PodKey], workloads: Iterable[Workload]) -> list[str | None]:
    """The uid of the workload that each pod was of, by its name; None where no name fits."""
    known: dict[tuple[str, str], list[Workload]] = {}
    for workload in workloads:
        known.setdefault((workload.namespace, workload.kind), []).append(workload)
    by_name = {(place, kind): {one.name: one.uid for one in found} for (place, kind), found in known.items()}

    def owner(pod: PodKey) -> str | None:
        for kind, pattern in GENERATED.items():
            names = by_name.get((pod.namespace, kind))
            match = pattern.fullmatch(pod.name) if names else None
            if names and match and match[1] in names:
                return names[match[1]]
        return by_name.get((pod.namespace, "Pod"), {}).get(pod.name)

    return [owner(pod) for pod in pods]


def joined(matrices: Mapping[Feature, Matrix], features: Sequence[Feature]) -> tuple[list[PodKey], Array]:
    """Lay the answers of one piece over each other: pods, and (ticks, pods, features). Raises: WrongLabels."""
    pods: dict[PodKey, int] = {}
    rows: dict[Feature, list[int]] = {}
    for feature in features:
        matrix = matrices[feature]
        keys = (parse_key(raw, matrix.source, matrix.query) for raw in matrix.keys)
        rows[feature] = [pods.setdefault(key, len(pods)) for key in keys]
    ticks = len(matrices[features[0]].times)
    values = np.full((ticks, len(pods), len(features)), np.nan)
    for index, feature in enumerate(features):
        values[:, rows[feature], index] = matrices[feature].values.T
    return list(pods), values


def is_refusal(error: Exception) -> bool:
    """Whether asking the same again is of no use; else the source, or the way to it, was away or overloaded."""
    if isinstance(error, BadAnswer):
        return error.status < SERVER_ERROR and error.status != TOO_MANY_REQUESTS
    return isinstance(error, WrongLabels | Unaskable)


class Past:
    """Which pieces are still to come.

    One that the source refuses is tried again at the next tick, `ATTEMPTS` times in all; one for which the source is
    away waits, however long that lasts.
    """

    def __init__(self, until: float, pods: int) -> None:
        self._pieces = list(pieces(until, pods))
        self._attempts = 0
        self._not_before: float | None = None
        """Unix seconds until which the source is spared; None: its last answer was none of being away."""
        self.seconds = 0.0
        """How much of the past was filled in."""

    def next(self, at: float) -> Piece | None:
        """The piece to ask for at Unix second `at`; None when there is nothing more to learn, or not yet."""
        if self._not_before is not None and at < self._not_before:
            return None
        return self._pieces[0] if self._pieces else None

    def filled(self, samples: int) -> None:
        """The piece was taken; one without samples is where the source's memory ends."""
        piece = self._pieces.pop(0)
        self._attempts, self._not_before = 0, None
        if samples:
            self.seconds += piece.end - piece.start + piece.step
        else:
            self._pieces.clear()
        if not self._pieces:
            logger.info(
                "Took the season from the source", extra={"days": round(self.seconds / DAY_SECONDS, 1)}
            )

    def failed(self, error: Exception, at: float) -> None:
        """The piece could not be had; when it never can, the season grows from what is seen."""
        if is_refusal(error):
            self._refused(str(error))
            return
        if self._not_before is None:  # told once, until an answer comes
            logger.warning("The season has to wait for the source", extra={"why": str(error)})
        self._not_before = at + PAUSE_SECONDS

    def _refused(self, why: str) -> None:
        self._attempts += 1
        if self._attempts >= ATTEMPTS:
            logger.warning("Cannot take the season from the source", extra={"why": why})
            self._pieces.clear()


ATTEMPTS: Final = 3
"""Of one piece. A source that refuses it twice more is spared the rest."""

PAUSE_SECONDS: Final = 600.0
"""How long a source that was away or overloaded is spared: a restart takes minutes, and the past is in no hurry."""

SERVER_ERROR: Final = 500
TOO_MANY_REQUESTS: Final = 429
"""The statuses of a source that may answer later: from here up, and this one."""
