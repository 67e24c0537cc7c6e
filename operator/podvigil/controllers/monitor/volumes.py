"""How full the claims of a monitor's pods are, and how that grew.

Kept by claim and not by pod: a claim outlives the pods that write to it, and several may. What fails here costs no
score. Nothing is kept while the source knows of no claim.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

import numpy as np

from podvigil.api.features import Feature
from podvigil.api.pods import PodKey
from podvigil.collect.columns import Column, Matrix, parse_key
from podvigil.collect.volumes import claim_of
from podvigil.controllers.monitor.vitals import PodRows
from podvigil.detect.findings import Finding
from podvigil.detect.forecast import LimitForecast, forecast
from podvigil.detect.growth import POINTS, RUNGS, SHORTEST_SECONDS, GrowthLadder
from podvigil.detect.volumes import NEARLY_FULL, WORTH_ASKING, VolumeFacts, volume_findings
from podvigil.window.arrays import Array, Indices, grown
from podvigil.window.slots import SlotTable

MAXIMUM_CLAIMS: Final = 50_000
"""13 MB of growth; more are not followed."""

MAXIMUM_ASKED: Final = 500
"""Claims asked in one tick when they will be full: about 0.2 CPU-seconds. More take turns, and last answers hold."""

MAXIMUM_FINDINGS: Final = 2_000
"""Pods told of in one tick, the fullest first."""

GROWTH: Final = 64
"""Slots that the arrays grow by at a time."""

PAST_SECONDS: Final = SHORTEST_SECONDS * (POINTS << (RUNGS - 1))
"""As far back as a ladder reaches, a day and a half: with less a volume that fills by tomorrow is not seen to."""

PAST_STEP_SECONDS: Final = 120.0
MAXIMUM_PAST_SAMPLES: Final = 4_000_000
"""Samples that are read of the past: 32 MB as float64, at a coarser step where there are many claims."""

PAST_ATTEMPTS: Final = 3

FORGOTTEN_SECONDS: Final = PAST_SECONDS
"""A claim that nobody mounts for so long has nothing in its ladder any more."""


@dataclass(frozen=True, slots=True)
class View:
    """One tick's view of the volumes."""

    findings: tuple[Finding, ...] = ()
    judged: Mapping[str, int] = field(default_factory=dict)
    """By workload uid: pods of which a claim was seen. What was not seen is not calm."""
    pods: frozenset[PodKey] = frozenset()
    """All of those pods."""
    answered: bool = False
    """Whether the source told of any volume at this tick."""


class Volumes:
    """The claims of one monitor's pods."""

    def __init__(self, interval_seconds: float) -> None:
        self._interval = interval_seconds
        self._claims: SlotTable[tuple[str, str]] = SlotTable(limit=MAXIMUM_CLAIMS)
        self._ladder: GrowthLadder | None = None
        self._full: Array = np.empty(0)
        """By slot; NaN = not seen at the last tick."""
        self._seen_at: Array = np.empty(0)
        self._pods: dict[int, list[PodKey]] = {}
        self._labels: dict[bytes, tuple[PodKey, tuple[str, str]]] = {}
        self._answers: dict[int, LimitForecast | None] = {}
        self._next = 0
        self._at: float | None = None
        self._answered = False
        self._attempts = 0

    @property
    def wants_past(self) -> bool:
        """Whether the source's memory is still to be read."""
        return self._ladder is None and self._attempts < PAST_ATTEMPTS

    def past_step(self, claims: int) -> float:
        """Seconds between the samples that are wanted of the past: whole intervals."""
        wanted = max(PAST_STEP_SECONDS, PAST_SECONDS * claims / MAXIMUM_PAST_SAMPLES)
        return self._interval * max(1, round(wanted / self._interval))

    def past_failed(self) -> None:
        """The source could not tell; it is asked three times."""
        self._attempts += 1

    def warm_start(self, past: Matrix, now: Column, step: float) -> None:
        """Begin with what the source remembers of the claims that are mounted now, one interval before them."""
        ladder = self._begin()
        mounted = {self._about(raw, now)[1] for raw in now.keys}
        claims = [claim_of(raw, past.source, past.query) for raw in past.keys]
        slots = np.array([self._slot(claim) if claim in mounted else -1 for claim in claims], np.intp)
        known = slots >= 0
        between = round(step / self._interval) - 1
        for number, values in enumerate(past.values.T):
            ladder.skip(between if number else 0)
            ladder.push(self._placed(ladder, slots[known], values[known]))
        self._seen_at[slots[known]] = past.times[-1]

    def observe(self, column: Column, rows: PodRows, at: float) -> None:
        """Take one sample, by pod and claim, at Unix second `at`. Raises: WrongLabels."""
        if not column.keys and self._ladder is None:
            return
        series = [self._about(raw, column) for raw in column.keys]
        ladder = self._ladder or self._begin()
        if self._at is not None:
            ladder.skip(max(0, round((at - self._at) / self._interval) - 1))
        self._at, self._answered = at, bool(column.keys)
        self._pods = {}
        slots = np.full(len(column.keys), -1, np.intp)
        for index, ((pod, claim), value) in enumerate(zip(series, column.values.tolist(), strict=True)):
            if np.isfinite(value) and rows.slot(pod) is not None and (slot := self._slot(claim)) >= 0:
                slots[index] = slot
                self._pods.setdefault(slot, []).append(pod)
        known = slots >= 0
        self._full = self._placed(ladder, slots[known], column.values[known])
        ladder.push(self._full)
        self._seen_at[slots[known]] = at
        self._forget(ladder, at)

    def unseen(self) -> None:
        """Nothing could be had at this tick: what was foretold stays, and is told again when they are seen."""
        self._full = np.full(len(self._full), np.nan)
        self._pods, self._answered = {}, False

    def view(self, rows: PodRows) -> View:
        """Say which volumes are full, or will be, and whose were seen."""
        if self._ladder is None:
            return View()
        asked = np.flatnonzero(self._full >= WORTH_ASKING)
        self._ask(self._ladder, asked)
        worst = asked[np.argsort(-self._full[asked], kind="stable")]
        judged: dict[str, set[PodKey]] = {}
        for pods in self._pods.values():
            for pod in pods:
                if (slot := rows.slot(pod)) is not None:
                    judged.setdefault(rows.workload(slot).uid, set()).add(pod)
        return View(
            volume_findings(islice(self._facts(worst, rows), MAXIMUM_FINDINGS)),
            {uid: len(pods) for uid, pods in judged.items()},
            frozenset(pod for pods in judged.values() for pod in pods),
            self._answered,
        )

    def _facts(self, claims: Indices, rows: PodRows) -> Iterator[VolumeFacts]:
        for claim in claims.tolist():
            full, answer = float(self._full[claim]), self._answers.get(claim)
            name = self._claims.name(claim)
            if name is None or (full < NEARLY_FULL and answer is None):
                continue
            for pod in self._pods.get(claim, ()):
                if (slot := rows.slot(pod)) is not None:
                    yield VolumeFacts(pod, rows.workload(slot), name[1], full, answer)

    def _ask(self, ladder: GrowthLadder, claims: Indices) -> None:
        """Ask these when they will be full, or some of them in turn; forget the answers of those that gave way."""
        for emptied in np.flatnonzero(self._full < WORTH_ASKING).tolist():
            self._answers.pop(emptied, None)
        count = min(len(claims), MAXIMUM_ASKED)
        chosen = np.take(claims, range(self._next, self._next + count), mode="wrap") if count else claims
        self._next = (self._next + count) % max(1, len(claims))
        answers = forecast(
            ladder, chosen, np.ones(len(chosen)), feature=Feature.STORAGE, interval_seconds=self._interval
        )
        self._answers.update(zip(chosen.tolist(), answers, strict=True))

    def _begin(self) -> GrowthLadder:
        self._ladder = GrowthLadder(interval_seconds=self._interval, capacity=GROWTH, unit=1.0)
        self._full, self._seen_at = np.full(GROWTH, np.nan), np.full(GROWTH, np.nan)
        return self._ladder

    def _about(self, raw: bytes, column: Column) -> tuple[PodKey, tuple[str, str]]:
        """Pod and claim of a series. Raises: WrongLabels."""
        if (about := self._labels.get(raw)) is None:
            if len(self._labels) > 4 * MAXIMUM_CLAIMS:  # of pods long gone
                self._labels.clear()
            about = parse_key(raw, column.source, column.query), claim_of(raw, column.source, column.query)
            self._labels[raw] = about
        return about

    def _slot(self, claim: tuple[str, str]) -> int:
        """The slot of a claim, a new one when it has none; -1 when there is no room."""
        slot = self._claims.take(claim)
        return -1 if slot is None else slot

    def _placed(self, ladder: GrowthLadder, slots: Indices, values: Array) -> Array:
        """By slot: the highest value, since a claim that several pods mount comes several times; NaN = none."""
        needed = -(-self._claims.high_water // GROWTH) * GROWTH
        if needed > ladder.capacity:
            ladder.grow(needed)
            self._seen_at = grown(self._seen_at, needed, np.nan)
        found = np.full(ladder.capacity, np.nan)
        np.fmax.at(found, slots, values)
        return found

    def _forget(self, ladder: GrowthLadder, at: float) -> None:
        """Give the slots free of claims that nobody mounts any more."""
        old = [
            name
            for slot in np.flatnonzero(at - self._seen_at > FORGOTTEN_SECONDS)
            if (name := self._claims.name(int(slot)))
        ]
        if old:
            freed = self._claims.release(old)
            ladder.release(freed)
            self._seen_at[freed] = np.nan
            for slot in freed.tolist():
                self._answers.pop(slot, None)
