"""One name for one call, the same in every run of a story: `PATCH deployments/scale named, dry run [open]`."""

import json
import re
from collections import defaultdict
from typing import Any, Final

from faults.proxy import Asked

_PATH: Final = re.compile(
    r"/(?:api/v1|apis/[^/]+/[^/]+)(?P<where>/namespaces/[^/]+)?/(?P<plural>[^/]+)"
    r"(?:/(?P<name>[^/]+))?(?:/(?P<sub>[^/]+))?"
)
_FIELD: Final = re.compile(r"([\w.]+)!?=")

REQUESTS: Final = "remediationrequests"
REVIEWS: Final = "selfsubject"

Json = dict[str, Any]


class Naming:
    """Names the calls of one run. Objects whose names nobody can know are numbered as they come."""

    def __init__(self, *, finely: bool = True) -> None:
        """Args: finely: whether each step of the request is a stage; else only before and after the decision."""
        self._finely: Final = finely
        self._stage = "undecided"
        self.is_decided = False
        """Whether a person has decided, which the status does not say at once."""
        self._numbers: defaultdict[str, list[str]] = defaultdict(list)

    @property
    def stage(self) -> str:
        """How far the request is: a read is another one when more has happened."""
        if not self.is_decided:
            return "undecided"
        return "decided" if self._stage == "undecided" or not self._finely else self._stage

    def name(self, asked: Asked) -> str:
        """The call's name."""
        path, _, query = asked.path.partition("?")
        found = _PATH.fullmatch(path)
        if found is None:
            return f"{asked.method} {path} [{self.stage}]"
        what = found["plural"] + (f"/{found['sub']}" if found["sub"] else "")
        if found["plural"] == "events":
            return f"{asked.method} {what}"  # what is told in vain is not told again
        return f"{asked.method} {what}{self._which(asked, found, query)} [{self.stage}]"

    def pass_on(self, asked: Asked) -> None:
        """Tell that the API server does this call."""
        if is_status(asked):
            self._stage = _stage(json.loads(asked.body)["status"])

    def _which(self, asked: Asked, found: re.Match[str], query: str) -> str:
        marks = [" dry run"] if "dryRun" in query else []
        if is_status(asked):
            marks.append(" " + _conditions(json.loads(asked.body)["status"]))
        elif found["plural"].startswith(REVIEWS):
            marks.append(" " + _question(json.loads(asked.body)))
        elif found["name"]:
            names = self._numbers[f"{asked.method} {found['plural']} {found['sub']}"]
            if found["name"] not in names:
                names.append(found["name"])
            marks.append(f" #{names.index(found['name']) + 1}")
        elif asked.method == "GET":
            fields = re.search(r"fieldSelector=([^&]*)", query)
            by = f" by {' '.join(_FIELD.findall(fields[1]))}" if fields else ""
            marks.append((" of a namespace" if found["where"] else " of all") + by)
        return "".join(marks)


def is_status(asked: Asked) -> bool:
    """Whether the status of a request is written."""
    path = asked.path.partition("?")[0]
    return asked.method == "PUT" and f"/{REQUESTS}/" in path and path.endswith("/status")


def is_look(asked: Asked) -> bool:
    """Whether a request is read by its name: with that a pass over it begins."""
    return asked.method == "GET" and f"/{REQUESTS}/" in asked.path


def is_find(asked: Asked) -> bool:
    """Whether one object is read, which may not be there."""
    found = _PATH.fullmatch(asked.path.partition("?")[0])
    return asked.method == "GET" and found is not None and found["name"] is not None


def is_change(asked: Asked) -> bool:
    """Whether the action itself is at work: no question, no dry run, nothing that is told."""
    found = _PATH.fullmatch(asked.path.partition("?")[0])
    if found is None or asked.method == "GET" or "dryRun" in asked.path:
        return False
    return found["plural"] not in (REQUESTS, "events") and not found["plural"].startswith(REVIEWS)


def _stage(status: Json) -> str:
    execution = status.get("execution") or {}
    if any(c["type"] == "RolledBack" for c in status.get("conditions") or ()):
        return "way back"
    if execution.get("finishedAt") or execution.get("stoppedAt"):
        return "made"
    return "claimed" if execution else "undecided"


def _conditions(status: Json) -> str:
    return " ".join(sorted(f"{c['type']}={c['reason']}" for c in status.get("conditions") or ()))


def _question(body: Json) -> str:
    asked = (body.get("spec") or {}).get("resourceAttributes") or {}
    return " ".join(str(asked[key]) for key in ("verb", "resource", "subresource") if asked.get(key))
