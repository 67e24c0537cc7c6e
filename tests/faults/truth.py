"""Whether what a request says of itself is so, by the audit log and by the object it is about. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from stories.calls import Write

UNDOING: Final = "delete"
"""A verb that always takes back; a patch does at its second time."""

ONCE: Final = frozenset({"create"})
"""Verbs that never take anything back: a second one for the same object is done twice."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the request says when it has ended."""

    conditions: Mapping[str, str]
    """Each as `status reason`."""
    done: int | None = None
    """Steps done, of a change of many steps that tells its progress."""

    def has(self, kind: str, beginning: str) -> bool:
        """Whether a condition is so."""
        return self.conditions.get(kind, "").startswith(beginning)


@dataclass(frozen=True, slots=True)
class Done:
    """What was done."""

    made: int
    """Calls of the change."""
    undone: int
    """Calls of the way back."""
    twice: tuple[str, ...]
    """Calls that were made although they had been made before."""
    is_changed: bool
    """Whether the object is another than before."""


def done(writes: Iterable[Write], *, is_changed: bool) -> Done:
    """Sort the accepted writes of one request into the change and its way back."""
    counts = Counter(writes)
    undone = sum(
        1 for write, n in counts.items() if write.verb == UNDOING or (n > 1 and write.verb not in ONCE)
    )
    twice = [str(write) for write, n in counts.items() if n > (1 if write.verb in {*ONCE, UNDOING} else 2)]
    made = sum(1 for write in counts if write.verb != UNDOING)
    return Done(made, undone, tuple(twice), is_changed)


def lies(told: Told, what: Done, *, whole: int) -> list[str]:
    """Return each statement that is not so; none: the request is truthful.

    Args:
        whole: calls of which the whole change is made.
    """
    found = [f"{call} was done twice" for call in what.twice]
    is_executed, is_back = told.has("Executed", "True"), told.has("RolledBack", "True")
    if not told.has("Succeeded", "True") and not told.has("Succeeded", "False"):
        found.append("it has ended, and does not say how")
    if what.made > whole:
        found.append(f"{what.made} calls were made for a change of {whole}")
    if is_executed and what.made < whole:
        found.append(f"Executed is True after {what.made} of {whole} calls")
    is_untold = not is_executed and not told.has("Executed", "Unknown TargetMissing")
    if is_untold and what.made >= whole and not what.undone and not told.has("RolledBack", "False"):
        found.append("everything was done, and Executed is not True")
    if what.made and "Executed" in told.conditions and told.has("Succeeded", "False Refused"):
        found.append("it was refused, and something was done")
    if told.has("Succeeded", "True") and not (is_executed and what.is_changed and not what.undone):
        found.append("Succeeded is True without the change")
    if is_back and (what.is_changed or not what.undone):
        found.append("RolledBack is True, and the object is not as before")
    if told.has("RolledBack", "False RollbackFailed") and not what.is_changed:
        found.append("the way back failed, and the object is as before")
    if told.has("RolledBack", "False NotNeeded") and what.undone:
        found.append("something was put back, and it says that nothing is")
    if not what.made and what.is_changed:
        found.append("the object has changed without a call")
    if is_executed and not what.undone and not what.is_changed:
        found.append("Executed is True, and the object is as before")
    if told.done and not what.made:
        found.append(f"{told.done} steps are told as done without a call")
    return found
