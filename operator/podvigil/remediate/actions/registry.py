"""Actions of other packages: found by their entry points, checked, and added to those that ship.

    [project.entry-points."podvigil.actions"]
    flush-cache = "flush_cache:FlushCache"

What is not as it must be is left out and named in the log, with its package: a request for it then says
ActionUnknown, and everything else goes on. docs/actions.md says how such a package is made.
"""

import logging
import re
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from podvigil.remediate.actions import ACTIONS
from podvigil.remediate.actions.base import Action

logger = logging.getLogger(__name__)

GROUP: Final = "podvigil.actions"

QUALIFIED: Final = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?/[A-Z][A-Za-z0-9]*")
"""`domain/Name`, as the kinds' schemas take the name of an action that does not ship."""

NAME_MAX: Final = 128

LOAD_ERRORS: Final = (
    ImportError, AttributeError, SyntaxError, NameError, TypeError, ValueError, LookupError, ArithmeticError,
    AssertionError, OSError, RuntimeError,
)  # fmt: skip
"""What a module may raise while it is imported, and a class while it is made, that is no reason to end the process."""

MEMBERS: Final = frozenset({*Action.__annotations__, *(n for n in vars(Action) if not n.startswith("_"))})
"""What an action must have."""


@dataclass(frozen=True, slots=True)
class Found:
    """An action of another package."""

    action: Action[Any]
    package: str
    """Name and version, e.g. `podvigil-flush-cache 0.1.0`."""


@dataclass(frozen=True, slots=True)
class Broken:
    """An entry point that gives no action."""

    package: str
    entry: str
    """As it is written: `name = module:attribute`."""
    why: str


def discover(points: Iterable[EntryPoint], taken: Collection[str]) -> tuple[list[Found], list[Broken]]:
    """Load what the entry points name.

    Args:
        taken: names that are in use.

    Returns:
        What can be used and what cannot, each sorted by package. Of two with one name neither is used: the
        right to approve that name must mean one thing.
    """
    loaded: list[tuple[EntryPoint, Any]] = []
    broken: list[Broken] = []
    for point in sorted(points, key=lambda p: (_package(p), p.name)):
        try:
            made = point.load()()
        except LOAD_ERRORS as error:
            broken.append(_broken(point, f"{type(error).__name__}: {error}"))
            continue
        if why := _objection(made, taken):
            broken.append(_broken(point, why))
        else:
            loaded.append((point, made))
    # In lower case, as the right to approve is named.
    names = Counter(action.name.lower() for _, action in loaded)
    found = [Found(action, _package(p)) for p, action in loaded if names[action.name.lower()] == 1]
    broken += [
        _broken(point, f"another entry point gives {action.name}, too")
        for point, action in loaded
        if names[action.name.lower()] > 1
    ]
    return found, broken


def install(actions: dict[str, Action[Any]] = ACTIONS) -> tuple[str, ...]:
    """Add the actions of installed packages, say which there are, and return the names of those added.

    Called once, at the start of a process that carries out requests.
    """
    found, broken = discover(entry_points(group=GROUP), actions)
    for one in broken:
        logger.error(
            "Cannot use an action of another package",
            extra={"package": one.package, "entry": one.entry, "why": one.why},
        )
    actions |= {one.action.name: one.action for one in found}
    packages = {one.action.name: one.package for one in found}
    logger.info("Actions", extra={"actions": ", ".join(sorted(actions)), "packages": packages})
    return tuple(packages)


def _objection(made: Any, taken: Collection[str]) -> str | None:
    if missing := sorted(name for name in MEMBERS if not hasattr(made, name)):
        return f"it is no action: it has no {', '.join(missing)}"
    name = made.name
    if not isinstance(name, str) or len(name) > NAME_MAX or not QUALIFIED.fullmatch(name):
        return f"its name is {name!r}; domain/Name is needed, e.g. example.com/FlushCache"
    if name.lower() in {other.lower() for other in taken}:
        return f"the name {name} is taken"
    return None


def _package(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else "(no package)"


def _broken(point: EntryPoint, why: str) -> Broken:
    return Broken(_package(point), f"{point.name} = {point.value}", why)
