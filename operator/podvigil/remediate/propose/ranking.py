"""In which order recommended actions are proposed: by how often they helped here. Pure.

Each action is a coin of unknown bias: before the first try any share of successes is as likely as any other, a
Beta(1, 1) prior. After s successes and f failures the share is Beta(1 + s, 1 + f), and its mean ranks the action.
So an untried action (1/2) goes before one that has failed more often than it helped, and one success does not
outweigh many. What could not be judged is no evidence. Equal means keep the order of the diagnosis.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from podvigil.remediate.validation.outcomes import Memory, Trouble, trouble_of_count

PRIOR_SUCCESSES: Final = 1.0
PRIOR_FAILURES: Final = 1.0
"""Beta(1, 1): uniform."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """How often an action helped for good, and how often not."""

    succeeded: int = 0
    failed: int = 0

    @property
    def mean(self) -> float:
        """The mean of the posterior: the expected share of successes, 0 to 1."""
        seen = self.succeeded + self.failed
        return (self.succeeded + PRIOR_SUCCESSES) / (seen + PRIOR_SUCCESSES + PRIOR_FAILURES)


def evidence(memory: Memory, trouble: Trouble, action: str) -> Evidence:
    """Return what is known of an action against a trouble: this target's own past, else that of all targets."""
    same = [c for c in memory.counts if c.signal is trouble.signal and c.action == action]
    own = [c for c in same if trouble_of_count(c) == trouble and c.attempts > c.inconclusive]
    used = own or same
    succeeded = sum(c.succeeded for c in used)
    return Evidence(succeeded, sum(c.attempts - c.inconclusive for c in used) - succeeded)


def ranked(memory: Memory, trouble: Trouble, actions: Sequence[str]) -> tuple[str, ...]:
    """Return the actions, each once, the most promising first."""
    once = dict.fromkeys(actions)
    return tuple(sorted(once, key=lambda action: -evidence(memory, trouble, action).mean))
