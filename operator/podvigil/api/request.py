"""RemediationRequest: one proposed change, a person's decision about it, and what became of it."""

from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field

from podvigil.api.actions import TARGET_KINDS, AnyAction
from podvigil.api.base import ApiModel, Message, Name, Time, duration_field, permille_field, rule, rules
from podvigil.api.conditions import Condition
from podvigil.api.parameters import PlanParameters
from podvigil.api.report import TargetReference
from podvigil.api.signals import Signal

VALIDATION_WINDOW_MAX: Final = "1h"
"""The longest time in which an effect is watched: as a monitor's rules have it. What is seen later has other causes."""


class PlanTarget(TargetReference):
    """The very instance and generation that the plan was made for."""

    generation: Annotated[
        int, Field(ge=0, description="The target's metadata.generation when the plan was made.")
    ]


class ReportReference(ApiModel):
    """The report that the plan answers."""

    name: Annotated[Name, Field(description="Name of the AnomalyReport, in the request's own namespace.")]
    uid: Annotated[str, Field(max_length=128, description="UID of the AnomalyReport.")]
    signal: Annotated[Signal, Field(description="The report's signal.")]


def _target_rules() -> list[dict[str, str]]:
    return [
        rule(
            f"self.action != '{action}' || self.target.kind in [{', '.join(repr(k) for k in kinds)}]",
            f"{action} needs a spec.plan.target of kind {' or '.join(kinds)}",
        )
        for action, kinds in TARGET_KINDS.items()
    ]


def _belongs(parameter: str, action: str) -> dict[str, str]:
    return rule(
        f"self.action == '{action}' || !has(self.parameters) || !has(self.parameters.{parameter})",
        f"spec.plan.parameters.{parameter} belongs to {action}: remove it",
    )


class Plan(ApiModel):
    """Exactly what would be done; a person approves this and nothing else."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            *_target_rules(),
            rule(
                "self.action == 'Scale' ? has(self.parameters) && has(self.parameters.replicas) "
                ": !has(self.parameters) || !has(self.parameters.replicas)",
                "Scale needs spec.plan.parameters.replicas, the number of replicas to set; other actions take none",
            ),
            rule(
                "self.action == 'SetResources' ? has(self.parameters) && has(self.parameters.resources) "
                "&& (has(self.parameters.resources.requests) || has(self.parameters.resources.limits)) "
                ": !has(self.parameters) || !has(self.parameters.resources)",
                "SetResources needs spec.plan.parameters.resources with requests or limits; other actions take none",
            ),
            rule(
                "has(self.report) || self.target.kind == 'Node'",
                "spec.plan.report is missing: name the AnomalyReport that is answered; only for a Node may a person "
                "ask without one",
            ),
            _belongs("pod", "Restart"),
            _belongs("revision", "Rollback"),
            _belongs("drain", "Drain"),
        )
    )
    action: Annotated[AnyAction, Field(description="What would be done.")]
    target: Annotated[PlanTarget, Field(description="What would be changed.")]
    parameters: Annotated[PlanParameters | None, Field(description="What the action needs to know.")] = None
    report: Annotated[
        ReportReference | None,
        Field(description="The report that the plan answers; None: a person asks for it, about a Node."),
    ] = None
    monitor: Annotated[Name, Field(description="The AnomalyMonitor whose rules apply.")]
    message: Annotated[Message, Field(description="Why this is proposed, in a sentence.")]
    expires_at: Annotated[
        Time,
        Field(
            description="When the plan may no longer be executed.",
            json_schema_extra=rules(
                # In UTC: an offset may lead out of the years that a time can have.
                rule(
                    "self > timestamp('1970-01-01T00:00:00Z') && self < timestamp('9999-01-01T00:00:00Z')",
                    "must be a time between the years 1970 and 9998, for example 2026-03-01T18:00:00Z",
                )
            ),
        ),
    ]
    validation_window: str = duration_field(
        "3m", at_least="1s", at_most=VALIDATION_WINDOW_MAX, description="How long the effect will be watched."
    )
    dry_run: Annotated[bool, Field(description="Only dry-run calls are made, also after an approval.")] = (
        False
    )


class Decision(StrEnum):
    """What a person decided."""

    APPROVED = "Approved"
    DENIED = "Denied"


class Approval(ApiModel):
    """A person's decision; written once, never changed."""

    decision: Annotated[Decision, Field(description="Approved or Denied.")]
    approved_by: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=256,
            description="The user who decided: filled in from Kubernetes 1.36 on, before it their own name.",
        ),
    ] = None
    reason: Annotated[Message | None, Field(description="Why, for those who read it later.")] = None


class Intervention(ApiModel):
    """What a person asks for after the decision; written once, never changed."""

    requested_by: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=256,
            description="The user who asks: filled in from Kubernetes 1.36 on, before it their own name.",
        ),
    ] = None
    reason: Annotated[Message | None, Field(description="Why, for those who read it later.")] = None


def _once(field: str, what: str) -> dict[str, str]:
    return rule(
        f"!has(oldSelf.{field}) || (has(self.{field}) && self.{field} == oldSelf.{field})",
        f"the {what} is written once: it cannot be changed or removed",
    )


class RequestSpec(ApiModel):
    """The plan and the decision about it."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            # A transition rule on an optional field does not fire when the field is set or unset,
            # so these stand on spec itself.
            rule(
                "self.plan == oldSelf.plan && self.requestedBy == oldSelf.requestedBy",
                "the plan and requestedBy are immutable: deny this request and create another one",
            ),
            _once("approval", "decision"),
            _once("cancellation", "cancellation"),
            _once("rollback", "request to roll back"),
        )
    )
    requested_by: Annotated[
        str,
        Field(
            min_length=1,
            max_length=256,
            description="The user who created the request: must be the caller's own name.",
        ),
    ]
    plan: Annotated[Plan, Field(description="What would be done.")]
    approval: Annotated[
        Approval | None, Field(description="The decision; absent while nobody has decided.")
    ] = None
    cancellation: Annotated[
        Intervention | None,
        Field(
            description="A person stops it: what has not begun does not begin, what is under way stops at the "
            "next step and is put back as far as it can be."
        ),
    ] = None
    rollback: Annotated[
        Intervention | None,
        Field(description="A person wants the old state back, also after the request has ended."),
    ] = None


class Refusal(ApiModel):
    """One objection of a guard or of the API server."""

    reason: Annotated[str, Field(max_length=64, description="Why, as one CamelCase word.")]
    message: Annotated[Message, Field(description="Why, for a person, with the object and the number.")]


class BudgetTouched(ApiModel):
    """A PodDisruptionBudget that covers pods of the target."""

    name: Annotated[Name, Field(description="Name of the budget.")]
    namespace: Annotated[Name | None, Field(description="Its namespace; absent: that of the request.")] = None
    disruptions_allowed: Annotated[int, Field(ge=0, description="Disruptions that it allows now.")]


class Reversibility(StrEnum):
    """Whether the old state can be put back."""

    REVERSIBLE = "Reversible"
    NOTHING_TO_UNDO = "NothingToUndo"
    IRREVERSIBLE = "Irreversible"


class Preflight(ApiModel):
    """What would happen, found out before anybody decides."""

    checked_at: Annotated[Time, Field(description="When this was found out.")]
    changes: Annotated[
        tuple[Annotated[str, Field(max_length=512)], ...],
        Field(
            max_length=20,
            description="Each field that would change, from what to what, by a server-side dry run.",
        ),
    ] = ()
    pods_disturbed: Annotated[
        int, Field(ge=0, description="Running pods that would be replaced or removed.")
    ] = 0
    disruption: Annotated[Message | None, Field(description="How the pods would be disturbed.")] = None
    pods: Annotated[
        tuple[Annotated[str, Field(max_length=320)], ...],
        Field(max_length=20, description="Pods that would be disturbed, as namespace/name; at most twenty."),
    ] = ()
    notes: Annotated[
        tuple[Message, ...],
        Field(max_length=10, description="What else to know before deciding, e.g. what to change in Git."),
    ] = ()
    budgets: Annotated[
        tuple[BudgetTouched, ...],
        Field(max_length=20, description="Disruption budgets that cover the target's pods."),
    ] = ()
    refusals: Annotated[
        tuple[Refusal, ...], Field(max_length=20, description="Every objection, all at once; empty: none.")
    ] = ()
    reversibility: Annotated[Reversibility, Field(description="Whether the old state can be put back.")]
    way_back: Annotated[Message, Field(description="How it would be put back.")]
    past_success: Annotated[Message, Field(description="What this action did for this signal before.")]
    expires_at: Annotated[Time | None, Field(description="When the plan may no longer be executed.")] = None


class Health(ApiModel):
    """How the target stood at one moment; what validation compares."""

    replicas: Annotated[int, Field(ge=0, description="Replicas wanted.")]
    ready_replicas: Annotated[int, Field(ge=0, description="Replicas ready.")]
    updated_replicas: Annotated[int, Field(ge=0, description="Replicas of the newest revision.")] = 0
    restarts: Annotated[int, Field(ge=0, description="Container restarts of the target's pods together.")] = 0


class Siblings(ApiModel):
    """The other workloads of the namespace at one moment, but for those that were changed lately."""

    workloads: Annotated[int, Field(ge=0, description="How many there are.")]
    replicas: Annotated[int, Field(ge=0, description="Replicas that they want together.")]
    ready_replicas: Annotated[int, Field(ge=0, description="Replicas of theirs that are ready.")]
    reports: Annotated[
        tuple[Name, ...],
        Field(max_length=20, description="Active reports of the same signal about them; at most twenty."),
    ] = ()


class ExecutionProgress(ApiModel):
    """How far a change of many steps has come."""

    total: Annotated[int, Field(ge=0, description="Steps in all, e.g. pods to evict.")]
    done: Annotated[int, Field(ge=0, description="Steps that are done, e.g. pods that are gone.")]
    remaining: Annotated[
        tuple[Annotated[str, Field(max_length=320)], ...],
        Field(max_length=10, description="What is still to do, by name; at most ten."),
    ] = ()
    waiting_for: Annotated[
        Message | None, Field(description="What holds it up, e.g. a PodDisruptionBudget.")
    ] = None


class Execution(ApiModel):
    """How far the change has come. Written before each step, so that a crash never acts twice."""

    claimed_by: Annotated[
        str, Field(max_length=256, description="The executor process that took the request.")
    ]
    claimed_at: Annotated[Time, Field(description="When it was taken.")]
    started_at: Annotated[
        Time | None, Field(description="When it was first taken, by whichever executor.")
    ] = None
    finished_at: Annotated[Time | None, Field(description="When the API server had accepted it.")] = None
    progress: Annotated[
        ExecutionProgress | None, Field(description="How far it has come, for a change of many steps.")
    ] = None
    stopped_at: Annotated[Time | None, Field(description="When it was given up on the way.")] = None
    stopped_reason: Annotated[
        str | None, Field(max_length=64, description="Why it was given up, as one CamelCase word.")
    ] = None
    stopped_message: Annotated[Message | None, Field(description="Why it was given up, for a person.")] = None
    token: Annotated[
        str | None,
        Field(
            max_length=64,
            description="What marks the change as this request's own; a repeated step finds it and does nothing.",
        ),
    ] = None
    before: Annotated[
        dict[str, Annotated[str, Field(max_length=1024)]] | None,
        Field(max_length=20, description="Values before the change, for the way back."),
    ] = None
    after: Annotated[
        dict[str, Annotated[str, Field(max_length=1024)]] | None,
        Field(max_length=20, description="Values after the change; rolled back only while still these."),
    ] = None
    baseline: Annotated[Health | None, Field(description="How the target stood before the change.")] = None
    siblings: Annotated[Siblings | None, Field(description="How its siblings stood before the change.")] = (
        None
    )


class Validation(ApiModel):
    """What the change did."""

    until: Annotated[Time, Field(description="When the effect is judged at the latest.")]
    observed: Annotated[Health | None, Field(description="How the target stands now.")] = None
    siblings: Annotated[Siblings | None, Field(description="How its siblings stand now.")] = None
    score_before_milli: Annotated[
        int | None, Field(description="The report's score before the change, in thousandths.")
    ] = None
    score_after_milli: Annotated[
        int | None, Field(description="The report's score after the change, in thousandths.")
    ] = None
    probability_before_permille: int | None = permille_field(
        None, description="The report's probability before the change."
    )


class RequestCondition(StrEnum):
    """The conditions of a request, in the order of its way."""

    PREFLIGHTED = "Preflighted"
    APPROVED = "Approved"
    EXECUTED = "Executed"
    VALIDATED = "Validated"
    ROLLED_BACK = "RolledBack"
    SUCCEEDED = "Succeeded"


class RequestStatus(ApiModel):
    """What the executor found out and did."""

    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            max_length=16,
            description="Preflighted, Approved, Executed, Validated, RolledBack; Succeeded sums up.",
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
        ),
    ] = ()
    observed_generation: Annotated[
        int | None, Field(ge=0, description="The metadata.generation that this status is about.")
    ] = None
    preflight: Annotated[Preflight | None, Field(description="What would happen.")] = None
    execution: Annotated[Execution | None, Field(description="How far the change has come.")] = None
    validation: Annotated[Validation | None, Field(description="What the change did.")] = None
    finished_at: Annotated[Time | None, Field(description="When the request reached its end.")] = None


class RemediationRequest(ApiModel):
    """Proposes one change to a workload; carried out only after someone with the right approves it."""

    api_version: Literal["podvigil.io/v1alpha1"] = "podvigil.io/v1alpha1"
    kind: Literal["RemediationRequest"] = "RemediationRequest"
    metadata: dict[str, Any]
    spec: Annotated[RequestSpec, Field(description="The plan and the decision about it.")]
    status: Annotated[RequestStatus, Field(description="What was found out and done.")] = RequestStatus()
