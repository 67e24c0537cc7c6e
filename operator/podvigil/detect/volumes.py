"""Volumes that are full, or will be within a day. Pure: facts in, findings out.

A full volume stops whoever writes to it, and a restart does not help, so it is told of beside the model, which does
not know volumes. Told early, it costs nobody sleep: it is a finding once nine of ten such volumes are full
within a day, and it stays one while they are about to be within two.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from podvigil.api.features import Feature, written
from podvigil.api.pods import PodKey, Workload
from podvigil.api.signals import Signal
from podvigil.detect.findings import Finding
from podvigil.detect.forecast import LimitForecast

FULL: Final = 0.97
"""Hardly anything is left, whether it still grows or not: the bound of kubernetes-mixin's alert
KubePersistentVolumeFillingUp of severity critical."""

NEARLY_FULL: Final = 0.95
"""A volume that was full and stands above this keeps its report: one that swings round `FULL` is one trouble."""

WORTH_ASKING: Final = 0.5
"""Share taken from which on a volume is asked when it will be full: a half-empty one leaves time."""

FILLS_WITHIN: Final = timedelta(days=1)
"""For the later end of the 80 % interval: a working day is enough to grow a claim, and more than that is no hurry."""

STAYS_WITHIN: Final = timedelta(days=2)
"""For the estimate, of a finding that is there: forecasts waver."""

PROBABILITY: Final = 0.9
"""One in ten gets there after the later end of the interval, or never (`forecast.LimitForecast`)."""


@dataclass(frozen=True, slots=True)
class VolumeFacts:
    """A volume of one pod."""

    pod: PodKey
    workload: Workload
    claim: str
    full: float
    """0 to 1: the share that is taken."""
    forecast: LimitForecast | None
    """When nothing is left; None where nothing sound can be said."""


def volume_findings(volumes: Iterable[VolumeFacts]) -> tuple[Finding, ...]:
    """Return what is to be said of these volumes."""
    return tuple(finding for facts in volumes if (finding := _of(facts)) is not None)


def _of(facts: VolumeFacts) -> Finding | None:
    foretold = facts.forecast if facts.forecast and facts.forecast.estimate <= STAYS_WITHIN else None
    is_full = facts.full >= FULL
    if facts.full < NEARLY_FULL and foretold is None:
        return None
    return Finding(
        pod=facts.pod,
        workload=facts.workload,
        signal=Signal.VOLUME_FILLING,
        over=is_full or (foretold is not None and foretold.latest <= FILLS_WITHIN),
        probability=1.0 if is_full else PROBABILITY,
        evidence=(f"the volume of claim {facts.claim} is {written(Feature.STORAGE, facts.full)} full",),
        at_limit=is_full,
        forecast=foretold,
    )
