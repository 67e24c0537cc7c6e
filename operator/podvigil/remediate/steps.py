"""The steps that a decision can call for; controllers/remediation carries them out."""

from dataclasses import dataclass
from datetime import timedelta

from podvigil.api.reasons import Reason
from podvigil.api.request import Health, Siblings
from podvigil.remediate.actions.base import Change
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.validation.effect import Verdict


@dataclass(frozen=True, slots=True)
class Idle:
    """The request has ended."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to say; look again later."""

    after: timedelta


@dataclass(frozen=True, slots=True)
class Preflight:
    """Find out what would happen, and show it."""


@dataclass(frozen=True, slots=True)
class Hold:
    """An approved request has to wait; say why."""

    refusal: Refusal
    after: timedelta


@dataclass(frozen=True, slots=True)
class Claim:
    """Write down who makes which change, before it is made."""

    change: Change
    baseline: Health
    siblings: Siblings | None = None


@dataclass(frozen=True, slots=True)
class Execute:
    """Make the change, or the next part of it."""

    change: Change
    is_begun: bool = False
    """Whether a part of it is there already."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """A change of many steps ends on the way; what is there of it is put back as far as it can be."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Rehearse:
    """An approved request of a dry run: make the change as a dry run, and end."""


@dataclass(frozen=True, slots=True)
class Record:
    """The change is there: say so, and begin to watch its effect."""


@dataclass(frozen=True, slots=True)
class Watch:
    """The effect cannot be judged yet."""

    observed: Health | None
    after: timedelta


@dataclass(frozen=True, slots=True)
class Conclude:
    """The effect is judged."""

    verdict: Verdict
    observed: Health | None


@dataclass(frozen=True, slots=True)
class BeginRollback:
    """Write down that the old value is being put back, before it is."""

    message: str


@dataclass(frozen=True, slots=True)
class RollBack:
    """Put the old value back, or the next part of it."""

    change: Change


@dataclass(frozen=True, slots=True)
class Settle:
    """The rollback is over, one way or another."""

    rolled_back: bool
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Finish:
    """The request ends."""

    outcome: Reason
    """One of Succeeded, Ineffective, Harmful, Inconclusive, RolledBack, Cancelled, Denied, Expired, Refused,
    Failed, DryRunOnly."""
    reason: Reason
    """What exactly stopped it; the outcome itself when nothing did."""
    message: str


Step = (
    Idle
    | Wait
    | Preflight
    | Hold
    | Claim
    | Execute
    | GiveUp
    | Rehearse
    | Record
    | Watch
    | Conclude
    | BeginRollback
    | RollBack
    | Settle
    | Finish
)
