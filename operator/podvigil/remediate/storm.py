"""When so many pods are in trouble that repairing one workload after the other is no remedy. Pure.

The share is that of Karpenter's node repair and of cluster-api's machine health checks: a fifth.
"""

from typing import Final

from podvigil.api.monitor import MonitorStatus

POD_SHARE: Final = 0.2
"""Of the monitor's pods in trouble."""

WORKLOADS: Final = 3
"""Fewer workloads in trouble are no storm, however many of the pods are theirs: with two services in a monitor,
one of them would always be half of all pods."""


def storm_of_pods(monitor: str, *, watched: int, affected: int, workloads: int) -> str | None:
    """Say that a storm is on, with its numbers; None: there is none.

    Args:
        watched, affected: the monitor's pods that run, and those in trouble, which need not run.
        workloads: what the affected pods belong to.
    """
    there = max(watched, affected)
    if workloads < WORKLOADS or affected < POD_SHARE * there:
        return None
    return (
        f"{affected} of {there} pods of AnomalyMonitor {monitor} are in trouble, in {workloads} workloads: "
        "look for what they have in common"
    )


def storm_in(monitor: str, status: MonitorStatus) -> str | None:
    """Say the same of a monitor's status; what it does not say yet is no storm."""
    return storm_of_pods(
        monitor,
        watched=status.pods_watched or 0,
        affected=status.pods_affected or 0,
        workloads=status.workloads_affected or 0,
    )
