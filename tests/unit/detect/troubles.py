"""Findings, incidents and observations to change one thing of."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from podvigil.api.features import Feature
from podvigil.api.pods import PodKey, Workload
from podvigil.api.signals import Signal
from podvigil.detect.explain import FeatureShare
from podvigil.detect.findings import Finding
from podvigil.detect.forecast import LimitForecast
from podvigil.detect.incidents import Incident

NOW = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
WEB = Workload("apps/v1", "Deployment", "shop", "web", "uid-web")
CART = Workload("apps/v1", "Deployment", "shop", "cart", "uid-cart")

MEBI = 2.0**20


def at(seconds: float) -> datetime:
    """So many seconds after the first tick."""
    return NOW + timedelta(seconds=seconds)


def share(feature: Feature = Feature.MEMORY, part: float = 1.0, *, deviation: float = 5.0) -> FeatureShare:
    """412 where 200 was expected, in the unit that people read; the band is 180 to 240."""
    unit = {Feature.CPU: 1e-3, Feature.MEMORY: MEBI}.get(feature, 1024.0)
    return FeatureShare(feature, part, deviation, 412 * unit, 200 * unit, 180 * unit, 240 * unit)


def leak(minutes: float = 130.0) -> LimitForecast:
    """The time that a pod's memory leaves it."""
    left = timedelta(minutes=minutes)
    return LimitForecast(Feature.MEMORY, 512 * MEBI, left, left * 0.6, left * 1.5)


def finding(pod: str = "web-1", **changes: Any) -> Finding:
    """A pod of `web` that the model finds far over its memory, long enough known."""
    usual = Finding(
        pod=PodKey("shop", pod),
        workload=WEB,
        signal=Signal.MEMORY_HIGH,
        over=True,
        probability=0.9,
        score=5.0,
        explanation=(share(),),
    )
    return replace(usual, **changes)


def incident(**changes: Any) -> Incident:
    """A leak in one of three pods of `web`, open since a minute."""
    usual = Incident(
        workload=WEB,
        signal=Signal.MEMORY_HIGH,
        since=NOW,
        last_seen=at(60),
        last_evaluated=at(60),
        opened_at=at(60),
        findings=(finding(),),
        evaluated=3,
    )
    return replace(usual, **changes)
