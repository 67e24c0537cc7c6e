"""An action for Podvigil: have an application drop its cache, by an annotation of its Deployment that it watches.

A request for it:

    plan:
      action: example.com/FlushCache
      parameters: {arguments: {cache: sessions}}
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from podvigil.api.reasons import Reason
from podvigil.api.request import Plan, Reversibility
from podvigil.cluster.client import Cluster
from podvigil.remediate.actions.base import (
    Change,
    Disruption,
    Progress,
    Undo,
    precondition,
)
from podvigil.remediate.actions.one_patch import OnePatch
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.targets.workload import WorkloadState
from podvigil.remediate.validation.effect import Effect, Verdict
from podvigil.remediate.validation.judge import judge_workload

FLUSH = "example.com/flush-cache"
"""Annotation: which cache, and by which request. The application drops the cache when it changes."""


class FlushCache(OnePatch[WorkloadState]):
    """Sets the annotation; no pod is replaced."""

    name = "example.com/FlushCache"
    reversibility = Reversibility.NOTHING_TO_UNDO

    def objection(self, target: WorkloadState, plan: Plan) -> Refusal | None:
        """Say why it cannot be done at all."""
        if _cache(plan) is None:
            return Refusal(Reason.UNSUPPORTED_TARGET, "parameters.arguments.cache names the cache to drop")
        return None

    def change(self, target: WorkloadState, plan: Plan, *, token: str, now: datetime) -> Change:
        """Say what will be done; it is written to the request before it is."""
        return Change({"cache": ""}, {"cache": f"{_cache(plan)} dropped"}, token)

    def disruption(self, target: WorkloadState, plan: Plan) -> Disruption:
        """Say which pods it disturbs."""
        return Disruption(0, 0, "no pod is disturbed; answers are slower until the cache is warm")

    def way_back(self, target: WorkloadState, plan: Plan) -> str:
        """Say how the old state comes back."""
        return "Nothing to undo: the cache fills again."

    def progress(self, target: WorkloadState, plan: Plan, change: Change) -> Progress:
        """Tell from the target alone: whoever goes on after a crash finds the mark, and does nothing."""
        return Progress.DONE if _annotations(target).get(FLUSH) == _mark(plan, change) else Progress.DUE

    def undo(self, target: WorkloadState, plan: Plan, change: Change) -> Undo:
        """There is no old value."""
        return Undo.NOTHING

    def judge(self, effect: Effect, *, now: datetime) -> Verdict | None:
        """By the report and the pods, as all actions are."""
        return judge_workload(effect, at_once=0, replaces_pods=False, now=now)

    async def send(
        self, cluster: Cluster, target: WorkloadState, plan: Plan, change: Change, *, dry_run: bool
    ) -> dict[str, Any]:
        """Patch the annotation: as a dry run before a person decides, and in earnest after."""
        body = {"metadata": {**precondition(target), "annotations": {FLUSH: _mark(plan, change)}}}
        return await cluster.patch(
            target.resource, target.ref.name, body, target.ref.namespace, dry_run=dry_run
        )

    async def rollback(self, cluster: Cluster, target: WorkloadState, plan: Plan, change: Change) -> None:
        """Never called: `undo` is always NOTHING."""
        raise AssertionError("there is nothing to undo")


def _cache(plan: Plan) -> str | None:
    arguments = (plan.parameters and plan.parameters.arguments) or {}
    return arguments.get("cache")


def _mark(plan: Plan, change: Change) -> str:
    return f"{_cache(plan)} {change.token}"


def _annotations(target: WorkloadState) -> Mapping[str, str]:
    found: Mapping[str, str] = target.body["metadata"].get("annotations") or {}
    return found
