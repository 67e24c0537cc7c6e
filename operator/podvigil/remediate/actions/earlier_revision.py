"""Which earlier pod template a Deployment can go back to. Pure; asked by whoever proposes, and by Rollback itself."""

from datetime import datetime, timedelta
from typing import Any, Final

from podvigil.api.reasons import Reason
from podvigil.remediate.actions.restarts.rolling import RESTARTED_AT
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.targets.base import TOKEN
from podvigil.remediate.targets.revisions import Revision, without_hash
from podvigil.remediate.targets.workload import WorkloadState

RESTART_MARKS: Final = frozenset({RESTARTED_AT, TOKEN})
"""Annotations of a template that a restart leaves behind: a revision that differs by them alone is no other one."""

LOOK_AGAIN: Final = timedelta(seconds=10)
"""Until the controller has made the ReplicaSet of the present template."""


def is_present(target: WorkloadState, revision: Revision) -> bool:
    """Return whether this revision's template is the one that is wanted now."""
    return without_hash(target.body["spec"]["template"]) == revision.template


def present_revision(target: WorkloadState) -> Revision | None:
    """Return the newest revision with the template that is wanted now; None: its controller has none yet."""
    return next((r for r in reversed(target.revisions) if is_present(target, r)), None)


def revision_to_restore(target: WorkloadState, number: int | None) -> Revision | Refusal:
    """Return the revision of that number, else the last one before the present that ran something else."""
    present, known = present_revision(target), ", ".join(str(r.number) for r in target.revisions)
    if present is None:
        not_yet = f"the controller of {target.ref} has not made a ReplicaSet of its present template yet"
        return Refusal(Reason.ROLLOUT_RUNNING, not_yet, LOOK_AGAIN)
    if number is None:
        earlier = (r for r in reversed(target.revisions) if r.number < present.number)
        wanted = next((r for r in earlier if not _runs_the_same(r, present)), None)
        missing = f"{target.ref} has no earlier revision that differs from the present one; it has {known}"
    else:
        wanted = next((r for r in target.revisions if r.number == number), None)
        missing = f"{target.ref} has no revision {number}; it has {known}"
    if wanted is None:
        return Refusal(Reason.UNSUPPORTED_TARGET, missing)
    if _runs_the_same(wanted, present):
        same = f"revision {wanted.number} of {target.ref} is what runs now, but for the marks of a restart"
        return Refusal(Reason.NO_CHANGE, same)
    return wanted


def released_at(target: WorkloadState) -> datetime | None:
    """Return when what runs now was first rolled out: a restart since is no release. None: not known."""
    present, first = present_revision(target), None
    for revision in reversed(target.revisions):
        if present is None or not _runs_the_same(revision, present):
            break
        first = revision
    return first.created if first else None


def _runs_the_same(one: Revision, other: Revision) -> bool:
    return _unmarked(one) == _unmarked(other)


def _unmarked(revision: Revision) -> dict[str, Any]:
    metadata = dict(revision.template["metadata"])
    annotations = metadata.get("annotations") or {}
    metadata["annotations"] = {k: v for k, v in annotations.items() if k not in RESTART_MARKS}
    return {**revision.template, "metadata": metadata}
