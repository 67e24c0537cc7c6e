"""AnomalyReport: one trouble of one target, what shows it and what may be behind it."""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from podvigil.api.actions import AnyAction
from podvigil.api.base import ApiModel, Message, Name, Time, permille_field, rule, rules
from podvigil.api.conditions import Condition
from podvigil.api.durations import DURATION_MAX_LENGTH, DURATION_PATTERN
from podvigil.api.features import Feature
from podvigil.api.signals import Severity, Signal

PODS_LISTED_MAX = 10
"""Affected pods named in a report; the count beside it is exact."""


Duration = Annotated[str, Field(pattern=DURATION_PATTERN, max_length=DURATION_MAX_LENGTH)]


class TargetReference(ApiModel):
    """An object by kind, name and, where it matters, by the very instance."""

    api_version: Annotated[str, Field(max_length=317, description="API version of the target, e.g. apps/v1.")]
    kind: Annotated[str, Field(max_length=63, description="Kind of the target, e.g. Deployment.")]
    name: Annotated[
        Name, Field(description="Name of the target, in the report's own namespace; a Node is in none.")
    ]
    uid: Annotated[
        str, Field(max_length=128, description="UID of the target: a namesake made later is another.")
    ]


class ReportSpec(ApiModel):
    """What the report is about; fixed when it is created."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "self.monitor == oldSelf.monitor && self.signal == oldSelf.signal "
                "&& self.target.kind == oldSelf.target.kind && self.target.name == oldSelf.target.name "
                "&& self.target.apiVersion == oldSelf.target.apiVersion",
                "a report keeps its monitor, target and signal: create another report for another finding",
            )
        )
    )
    monitor: Annotated[Name, Field(description="The AnomalyMonitor that found it.")]
    target: Annotated[TargetReference, Field(description="The workload in trouble.")]
    signal: Annotated[Signal, Field(description="The kind of trouble.")]


class Contribution(ApiModel):
    """One feature's part in the score."""

    feature: Annotated[Feature, Field(description="The feature.")]
    observed: Annotated[str, Field(max_length=32, description="What was measured, with its unit.")]
    expected: Annotated[str, Field(max_length=32, description="What was expected, with its unit.")]
    expected_range: Annotated[
        str | None, Field(max_length=64, description="The band around the expectation, e.g. 180Mi to 240Mi.")
    ] = None
    share_permille: int = permille_field(
        0, description="This feature's share of the score; all shares add up to 1000."
    )


class TimeToLimit(ApiModel):
    """When something that grows reaches its limit, counted from `lastEvaluated`."""

    feature: Annotated[Feature, Field(description="What grows.")]
    pod: Annotated[Name, Field(description="The affected pod that reaches its limit first.")]
    limit: Annotated[str, Field(max_length=32, description="The limit, with its unit.")]
    estimate: Annotated[Duration, Field(description="The time left, as likely more as less, e.g. 2h10m.")]
    earliest: Annotated[Duration, Field(description="One in ten such pods gets there sooner.")]
    latest: Annotated[Duration, Field(description="One in ten such pods gets there later, or never.")]

    def __str__(self) -> str:
        """Say it as a part of the summary."""
        return (
            f"{self.feature.value} of {self.pod} reaches its limit of {self.limit} in about {self.estimate} "
            f"({self.earliest} to {self.latest})"
        )


class Diagnosis(ApiModel):
    """What is probably behind it."""

    cause: Annotated[str, Field(max_length=64, description="The probable cause, in CamelCase.")]
    message: Annotated[Message, Field(description="The cause in a sentence.")]
    evidence: Annotated[
        tuple[Annotated[str, Field(max_length=256)], ...],
        Field(max_length=10, description="What was seen that speaks for it."),
    ] = ()
    source: Annotated[str, Field(max_length=63, description="Who says so: Rules.")] = "Rules"


class Recommendation(ApiModel):
    """What a person may do about it."""

    action: Annotated[
        AnyAction | None, Field(description="The action that can be proposed, if there is one.")
    ] = None
    message: Annotated[Message, Field(description="What to do, in a sentence.")]


class RequestReference(ApiModel):
    """The remediation request that answers the report."""

    name: Annotated[Name, Field(description="Name of the RemediationRequest, in the report's own namespace.")]
    uid: Annotated[str, Field(max_length=128, description="UID of the RemediationRequest.")]


class ReportStatus(ApiModel):
    """How the trouble stands; kept fresh by the analyst."""

    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            max_length=16,
            description="Active: the trouble is there now. Explained: a rule names a cause. "
            "Proposed: a request answers it, or why none does.",
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
        ),
    ] = ()
    severity: Annotated[Severity | None, Field(description="How soon a person should look.")] = None
    summary: Annotated[Message | None, Field(description="The finding in one sentence.")] = None
    score_milli: Annotated[
        int | None, Field(description="The highest score among the affected pods now, in thousandths.")
    ] = None
    threshold_milli: Annotated[
        int | None, Field(description="The score above which a pod is abnormal, in thousandths.")
    ] = None
    probability_permille: int | None = permille_field(
        None, description="The calibrated probability that the finding is real."
    )
    first_seen: Annotated[Time | None, Field(description="When this episode began.")] = None
    last_seen: Annotated[Time | None, Field(description="When the trouble was last seen.")] = None
    last_evaluated: Annotated[
        Time | None,
        Field(description="When the target was last judged; an old time means that nothing is known."),
    ] = None
    count: Annotated[int | None, Field(ge=0, description="Episodes of this trouble so far.")] = None
    pods_affected: Annotated[int | None, Field(ge=0, description="Pods of the target in trouble now.")] = None
    pods_evaluated: Annotated[
        int | None, Field(ge=0, description="Pods of the target that could be judged now.")
    ] = None
    affected_pods: Annotated[
        tuple[Name, ...] | None,
        Field(
            max_length=PODS_LISTED_MAX, description="Names of affected pods, the worst first; at most ten."
        ),
    ] = None
    explanation: Annotated[
        tuple[Contribution, ...] | None,
        Field(
            max_length=8,
            description="The features that make the score of the worst pod, the largest share first.",
        ),
    ] = None
    time_to_limit: Annotated[
        TimeToLimit | None,
        Field(
            description="When memory reaches its limit, or a volume is full; absent while it does not grow, "
            "has no limit, or nothing sound can be said."
        ),
    ] = None
    diagnosis: Annotated[Diagnosis | None, Field(description="The probable cause.")] = None
    recommendations: Annotated[
        tuple[Recommendation, ...] | None, Field(max_length=5, description="What may help, the best first.")
    ] = None
    request: Annotated[
        RequestReference | None, Field(description="The request that answers this episode.")
    ] = None


class ReportCondition(StrEnum):
    """The conditions of a report."""

    ACTIVE = "Active"
    EXPLAINED = "Explained"
    PROPOSED = "Proposed"


class AnomalyReport(ApiModel):
    """Says what is abnormal about a workload, since when, how surely, and why."""

    api_version: Literal["podvigil.io/v1alpha1"] = "podvigil.io/v1alpha1"
    kind: Literal["AnomalyReport"] = "AnomalyReport"
    metadata: dict[str, Any]
    spec: Annotated[ReportSpec, Field(description="What the report is about.")]
    status: Annotated[ReportStatus, Field(description="How the trouble stands.")] = ReportStatus()
