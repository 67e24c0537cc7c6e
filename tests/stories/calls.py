"""What the executor wrote in a story, from the API server's audit log."""

import json
from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

from localcluster.controlplane import ControlPlane
from shop import EXECUTOR

CALLS: Final = {"create", "patch", "update", "delete"}
BOOKKEEPING: Final = {"events", "remediationrequests", "selfsubjectaccessreviews", "selfsubjectreviews",
                      "selfsubjectrulesreviews", "leases"}  # fmt: skip
"""Resources whose writes are not part of a story: what the executor says, and asks about itself."""


class Write(NamedTuple):
    """One write that the API server accepted."""

    verb: str
    what: str
    """The plural, with a subresource after a slash."""
    name: str


def calls(
    cluster: ControlPlane, namespace: str, workloads: Collection[str], nodes: Collection[str]
) -> list[str]:
    """Return each write about a story's objects that the API server accepted, in its order.

    Args:
        workloads: names that are told; pods and Jobs have names that a file cannot know.
        nodes: those that the story is about.
    """
    return told(writes(cluster, namespace, nodes), {*workloads, *nodes})


def told(found: Iterable[Write], names: Collection[str]) -> list[str]:
    """Return the writes as a scenario file tells them: with those of the names that it can know."""
    return [f"{w.verb} {w.what}" + (f" {w.name}" if w.name in names else "") for w in found]


def writes(cluster: ControlPlane, namespace: str, nodes: Collection[str], *, start: int = 0) -> list[Write]:
    """Return the same with all names; the audit log is read from the byte `start`."""
    marks = (f'"{namespace}"', *(f'"{node}"' for node in nodes))
    found = []
    with cluster.audit_log.open(encoding="utf-8") as log:
        log.seek(start)
        lines = [line for line in log if any(mark in line for mark in marks)]
    for line in lines:
        entry = json.loads(line)
        about = entry.get("objectRef") or {}
        is_ours = about.get("namespace") == namespace or (
            "namespace" not in about and about.get("name") in nodes
        )
        if (
            is_ours
            and entry["verb"] in CALLS
            and about.get("resource") not in BOOKKEEPING
            and entry["user"]["username"] == EXECUTOR
            and entry["responseStatus"]["code"] < 300
            and "dryRun" not in entry["requestURI"]
        ):
            what = about["resource"] + (f"/{about['subresource']}" if "subresource" in about else "")
            found.append(Write(entry["verb"], what, about.get("name", "")))
    return found
