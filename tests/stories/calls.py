"""What the executor wrote in a story, from the API server's audit log."""

import json
from collections.abc import Collection
from typing import Final

from localcluster.controlplane import ControlPlane
from shop import EXECUTOR

CALLS: Final = {"create", "patch", "update", "delete"}
BOOKKEEPING: Final = {"events", "remediationrequests", "selfsubjectaccessreviews", "selfsubjectreviews",
                      "selfsubjectrulesreviews", "leases"}  # fmt: skip
"""Resources whose writes are not part of a story: what the executor says, and asks about itself."""


def calls(
    cluster: ControlPlane, namespace: str, workloads: Collection[str], nodes: Collection[str]
) -> list[str]:
    """Return each write about a story's objects that the API server accepted, in its order.

    Args:
        workloads: names that are told; pods and Jobs have names that a file cannot know.
        nodes: those that the story is about.
    """
    marks = (f'"{namespace}"', *(f'"{node}"' for node in nodes))
    found = []
    for line in cluster.audit_log.read_text().splitlines():
        if not any(mark in line for mark in marks):
            continue
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
            name = about.get("name", "")
            found.append(f"{entry['verb']} {what}" + (f" {name}" if name in {*workloads, *nodes} else ""))
    return found
