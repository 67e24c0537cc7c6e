"""Whether somebody has made a value of ours their own since: then it is not ours to put back. Pure."""

import json
from collections.abc import Mapping
from typing import Any

from podvigil.remediate.ownership.owners import LAST_APPLIED, Kind, Path, owners

Json = Mapping[str, Any]


def is_owned_by_others(body: Json, path: Path) -> bool:
    """Return whether another field manager owns the field.

    A change of a value takes the field from all who owned it: whoever owns it beside us has come since.
    """
    return any(owner.kind is not Kind.OURS for owner in owners(body, path))


def declared(body: Json, path: Path) -> str:
    """Return the field's value in the last manifest that was applied by update; empty when it names none.

    Such an apply leaves no trace in managedFields when the value is there already.
    """
    kept = (body["metadata"].get("annotations") or {}).get(LAST_APPLIED)
    try:
        found: Any = json.loads(kept or "{}")
    except ValueError:
        return ""  # anybody can write annotations
    for key in path:
        if isinstance(found, list):
            found = {f"[{item.get('name')}]": item for item in found if isinstance(item, dict)}
        found = found.get(key) if isinstance(found, dict) else None
    return "" if found is None else str(found)
