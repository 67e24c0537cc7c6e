"""The actions that a plan may name, and the kinds of target each exists for."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field


class ActionName(StrEnum):
    """The actions that ship; in lower case also the resource name of the right to approve one."""

    RESTART = "Restart"
    SCALE = "Scale"
    SET_RESOURCES = "SetResources"
    ROLLBACK = "Rollback"
    RUN_JOB = "RunJob"
    CORDON = "Cordon"
    UNCORDON = "Uncordon"
    DRAIN = "Drain"


AnyAction = Annotated[
    str,
    Field(
        min_length=1,
        max_length=128,
        pattern=f"^({'|'.join(ActionName)}|[a-z0-9]([a-z0-9.-]*[a-z0-9])?/[A-Z][A-Za-z0-9]*)$",
    ),
]
"""Name of an action: one that ships, or that of another package (an entry point), qualified by its domain as
Kubernetes qualifies such names, e.g. `example.com/FlushCache`. So a mistyped name of ours is refused."""

TARGET_KINDS: Final[dict[str, tuple[str, ...]]] = {
    ActionName.RESTART: ("Deployment", "StatefulSet", "DaemonSet", "Rollout"),
    ActionName.SCALE: ("Deployment", "StatefulSet", "Rollout"),
    ActionName.SET_RESOURCES: ("Deployment", "StatefulSet", "DaemonSet"),
    ActionName.ROLLBACK: ("Deployment",),
    ActionName.RUN_JOB: ("CronJob",),
    ActionName.CORDON: ("Node",),
    ActionName.UNCORDON: ("Node",),
    ActionName.DRAIN: ("Node",),
}
"""Kinds that each shipped action can change."""

CLUSTER_SCOPED: Final = frozenset({"Node"})
"""Kinds of targets that lie in no namespace: their reports and requests lie in the operator's."""
