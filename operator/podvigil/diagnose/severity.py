"""How soon a person should look. Pure."""

from datetime import timedelta
from typing import Final

from podvigil.api.signals import Severity, Signal
from podvigil.diagnose.rules import Facts

_CRITICAL: Final = frozenset({Signal.CRASH_LOOP, Signal.OOM_KILLED})
"""Containers that do not run serve nobody."""

LIKELY: Final = 0.8
"""Below this probability a finding is shown, and nobody is hurried."""


SOON: Final = timedelta(hours=1)
"""What would be critical once it happens is critical when there is just time left to prevent it."""

TODAY: Final = timedelta(days=1)
"""A pod that will be killed within a day is worth a look within it, however unsure the score is."""


def severity(facts: Facts, probability: float) -> Severity:
    """
    Say how soon a person should look.

    Critical: requests are failing, most replicas are in trouble, a pod reaches its limit within the hour, or a
    volume is full. Warning: a likely fault, or a limit reached within a day. Info: the rest.
    """
    left = facts.forecast.estimate if facts.forecast else timedelta.max
    if facts.signal is Signal.VOLUME_FILLING:
        # Volumes of replicas fill alike: that most of them do makes it no more urgent.
        return Severity.CRITICAL if facts.at_limit or left <= SOON else Severity.WARNING
    if facts.signal in _CRITICAL or (facts.is_widespread and probability >= LIKELY) or left <= SOON:
        return Severity.CRITICAL
    return Severity.WARNING if probability >= LIKELY or left <= TODAY else Severity.INFO
