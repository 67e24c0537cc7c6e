"""What a change would change: two versions of an object as lines that a person can read."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

BOOKKEEPING: Final = frozenset(
    {("metadata", "managedFields"), ("metadata", "resourceVersion"), ("metadata", "generation"), ("status",)}
)
"""Paths that the API server writes itself."""

LINE_MAX: Final = 512
LINES_MAX: Final = 20
_ABSENT: Final = "(none)"


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """Return `path: old → new` for each field that differs, at most twenty lines, sorted by path."""
    lines = [f"{'.'.join(path)}: {old} → {new}" for path, old, new in sorted(_leaves((), before, after))]
    shown = [line if len(line) <= LINE_MAX else line[: LINE_MAX - 1] + "…" for line in lines]
    if len(shown) > LINES_MAX:
        shown = [*shown[: LINES_MAX - 1], f"… and {len(shown) - LINES_MAX + 1} more fields"]
    return tuple(shown)


def _leaves(path: tuple[str, ...], before: Any, after: Any) -> Iterator[tuple[tuple[str, ...], str, str]]:
    if path in BOOKKEEPING or before == after:
        return
    if isinstance(before, Mapping) or isinstance(after, Mapping):
        old = before if isinstance(before, Mapping) else {}
        new = after if isinstance(after, Mapping) else {}
        for key in old.keys() | new.keys():
            yield from _leaves((*path, str(key)), old.get(key), new.get(key))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (old_item, new_item) in enumerate(zip(before, after, strict=True)):
            yield from _leaves((*path, str(number)), old_item, new_item)
    else:
        yield path, _written(before), _written(after)


def _written(value: Any) -> str:
    return _ABSENT if value is None else str(value)
