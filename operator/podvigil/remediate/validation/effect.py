"""What is seen after a change, and what is said of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from podvigil.api.reasons import Reason
from podvigil.api.report import AnomalyReport
from podvigil.api.request import Health, Plan, Siblings
from podvigil.remediate.targets.base import TargetState

OUTCOMES: Final = frozenset({Reason.SUCCEEDED, Reason.INEFFECTIVE, Reason.HARMFUL, Reason.INCONCLUSIVE})
ROLLED_BACK_AFTER: Final = frozenset({Reason.INEFFECTIVE, Reason.HARMFUL})
"""Outcomes after which the old value is put back, while ours is still there."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the change did; `outcome` is one of OUTCOMES."""

    outcome: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Effect:
    """What is seen after a change."""

    target: TargetState | None
    """None when it is gone or a namesake."""
    plan: Plan
    report: AnomalyReport | None
    """None when it is gone or a later namesake."""
    baseline: Health
    """Before the change."""
    previous: Health | None
    """At the look before this one."""
    changed_at: datetime
    until: datetime
    interval_seconds: float
    """Of the analyst; 0 without a monitor."""
    begun_at: datetime
    """When the change was claimed: before anything was changed."""
    judged_at: datetime | None = None
    """When the analyst last scored pods; None: without a monitor, or never."""
    siblings_before: Siblings | None = None
    """Before the change; None: nothing is known of them."""
    siblings: Siblings | None = None
    """Now."""
    changed_siblings: frozenset[str] = frozenset()
    """Reports of the same signal about workloads that we changed meanwhile: their end says nothing."""
    token: str = ""
    """UID of the request, for actions that leave it on what they make."""
