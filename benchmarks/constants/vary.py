"""A constant of the detector, and a run with another value of it.

The operator never changes a constant, so they are plain names of modules; here they are set from outside, wherever a
module has taken the name over, and put back.
"""

import importlib
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant and what is tried instead of it."""

    name: str
    """As the page calls it."""
    tried: tuple[float, ...]
    places: tuple[str, ...]
    """`module:NAME`, `module:part.part` or `module:part/key`; all of them hold the same value."""
    shipped: float
    """What the places hold."""


SEPARATOR: Final = "/"
"""Between a mapping and its key."""


def value_at(place: str) -> Any:
    """What a place holds. Raises: AttributeError, KeyError, ModuleNotFoundError for a place that there is not."""
    holder, name = _holder(place)
    return holder[name] if isinstance(holder, Mapping) else getattr(holder, name)


@contextmanager
def varied(values: Mapping[Constant, float]) -> Iterator[None]:
    """Run with these values instead of the ones that ship. What is built inside has them for good."""
    with ExitStack() as stack:
        for constant, value in values.items():
            for place in constant.places:
                holder, name = _holder(place)
                before = value_at(place)
                stack.callback(_put, holder, name, before)
                _put(holder, name, int(value) if isinstance(before, int) else value)
        yield


def _holder(place: str) -> tuple[Any, str]:
    module, _, path = place.partition(":")
    path, _, key = path.partition(SEPARATOR)
    *parts, last = [*path.split("."), *([key] if key else [])]
    holder: Any = importlib.import_module(module)
    for part in parts:
        holder = getattr(holder, part)
    return holder, last


def _put(holder: Any, name: str, value: Any) -> None:
    if isinstance(holder, MutableMapping):
        holder[name] = value
    else:
        setattr(holder, name, value)
