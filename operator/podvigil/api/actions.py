"""The actions that a plan may name, and the kinds of target each exists for."""

from enum import StrEnum
from typing import Final


class ActionName(StrEnum):
    """One way of changing a workload; also the resource name of the right to approve it, in lower case."""

    RESTART = "Restart"
    SCALE = "Scale"


TARGET_KINDS: Final[dict[ActionName, tuple[str, ...]]] = {
    ActionName.RESTART: ("Deployment", "StatefulSet", "DaemonSet"),
    ActionName.SCALE: ("Deployment", "StatefulSet"),
}
"""Kinds of group apps that the action can change."""
