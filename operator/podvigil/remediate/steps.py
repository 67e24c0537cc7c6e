"""The steps that a decision can call for; controllers/remediation carries them out."""

from dataclasses import dataclass
from datetime import timedelta

from podvigil.api.reasons import Reason
from podvigil.api.request import Health
from podvigil.remediate.actions.base import Change
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.validate import Verdict


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


@dataclass(frozen=True, slots=True)
class Execute:
    """Make the change."""

    change: Change


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
class RollBack:
    """Put the old value back."""

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
    """One of Succeeded, Ineffective, Harmful, Inconclusive, Denied, Expired, Refused, Failed, DryRunOnly."""
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
    | Rehearse
    | Record
    | Watch
    | Conclude
    | RollBack
    | Settle
    | Finish
)
