"""How soon a person should look. Pure."""

from typing import Final

from podvigil.api.signals import Severity, Signal
from podvigil.diagnose.rules import Facts

_CRITICAL: Final = frozenset({Signal.CRASH_LOOP, Signal.OOM_KILLED})
"""Containers that do not run serve nobody."""

LIKELY: Final = 0.8
"""Below this probability a finding is shown, and nobody is hurried."""


def severity(facts: Facts, probability: float) -> Severity:
    """Critical: requests are failing or most replicas are in trouble. Warning: a likely fault. Info: the rest."""
    if facts.signal in _CRITICAL or (facts.is_widespread and probability >= LIKELY):
        return Severity.CRITICAL
    return Severity.WARNING if probability >= LIKELY else Severity.INFO
