"""Which step of a request a write of the executor is, read from the call alone: `claim`, `patch deployments/scale`."""

import json
import re
from typing import Any, Final, NamedTuple

from faults.proxy import Asked
from podvigil.remediate.validation.effect import OUTCOMES

Json = dict[str, Any]

VERBS: Final = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
SAYINGS: Final = re.compile(r"/events|/selfsubject")
"""Not steps: what is told to people, and what the executor asks about itself."""

BEGIN_ROLLBACK: Final = "begin rollback"
GIVE_UP: Final = "give up"

_PATH: Final = re.compile(
    r"/(?:api|apis/[^/]+)/[^/]+(?:/namespaces/[^/]+)?/(?P<plural>[^/]+)(?:/[^/]+)?(?:/(?P<sub>[^/]+))?"
)


class Step(NamedTuple):
    """A write; two tries of it are the same step."""

    name: str
    path: str
    """Of the object: each pod that is evicted is a step of its own."""


def step_of(asked: Asked) -> Step | None:
    """Name a write; None for everything else, dry runs too: they leave nothing behind."""
    verb = VERBS.get(asked.method)
    path, _, query = asked.path.partition("?")
    if verb is None or "dryRun" in query or SAYINGS.search(path):
        return None
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    what = found["plural"] + (f"/{found['sub']}" if found["sub"] else "")
    if what == "remediationrequests/status":
        return Step(_written(json.loads(asked.body)["status"]), path)
    return Step(f"{verb} {what}", path)


def _written(status: Json) -> str:
    """Return what a status says that the one before it did not: the last thing that has come about."""
    execution = status.get("execution") or {}
    reasons = {c["type"]: (c["status"], c["reason"]) for c in status.get("conditions") or ()}
    if status.get("finishedAt"):
        return f"finish {reasons['Succeeded'][1]}"
    if back := reasons.get("RolledBack"):
        return BEGIN_ROLLBACK if back[0] == "Unknown" else "settle"
    if (judged := reasons.get("Validated")) and judged[1] in OUTCOMES:
        return f"conclude {judged[1]}"
    if execution.get("finishedAt"):
        return "watch" if (status.get("validation") or {}).get("observed") else "record"
    if execution.get("stoppedAt"):
        return GIVE_UP
    if progress := execution.get("progress"):
        return f"progress {progress.get('done', 0)}"
    if execution:
        return "claim"
    return "preflight" if reasons.get("Executed") is None else f"hold {reasons['Executed'][1]}"
