"""AnomalyMonitor: what a person asks to have watched, and how."""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from podvigil.api.actions import ActionName, AnyAction
from podvigil.api.base import ApiModel, Name, Time, duration_field, permille_field, rule, rules
from podvigil.api.conditions import Condition
from podvigil.api.outcomes import OUTCOMES_MAX, OutcomeCount
from podvigil.api.selectors import LabelSelector
from podvigil.api.windows import TimeWindow

NamespaceName = Annotated[str, Field(min_length=1, max_length=63, pattern="^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
"""A DNS label, as of RFC 1123: no namespace has another name, and no query takes one."""


class ModelMode(StrEnum):
    """What turns metrics into a score."""

    LSTM = "LSTM"
    STATISTICS = "Statistics"
    Z3 = "Z3"
    ADAPTIVE_Z = "AdaptiveZ"


class RemediationMode(StrEnum):
    """How far Podvigil goes beyond reporting; every change still needs an approval."""

    OFF = "Off"
    SUGGEST = "Suggest"
    SUGGEST_AND_DRY_RUN = "SuggestAndDryRun"


class SecretKeyReference(ApiModel):
    """A key of a Secret in the operator's own namespace."""

    name: Annotated[Name, Field(description="The Secret's name, in the namespace that the operator runs in.")]
    key: Annotated[str, Field(min_length=1, max_length=253, description="The key within the Secret.")] = (
        "token"
    )


class PrometheusSourceSpec(ApiModel):
    """Where the metrics come from."""

    url: Annotated[
        str | None,
        Field(
            max_length=2048,
            pattern=r"^https?://[^\s]+$",
            description="Base URL of a Prometheus-compatible API. Absent: the operator's own setting prometheus_url.",
        ),
    ] = None
    bearer_token: Annotated[
        SecretKeyReference | None, Field(description="The Secret that holds a bearer token for the URL.")
    ] = None
    scrape_interval: str = duration_field(
        "30s",
        at_least="1s",
        at_most="10m",
        description="How often cAdvisor is scraped; rates look back over four scrapes or two intervals, whichever is "
        "longer, and at least a minute.",
    )
    timeout: str = duration_field(
        "10s",
        at_least="1s",
        at_most="2m",
        description="How long one query may take before it counts as failed.",
    )


class SourcesSpec(ApiModel):
    """The sources of metrics."""

    prometheus: Annotated[PrometheusSourceSpec, Field(description="A Prometheus that scrapes cAdvisor.")] = (
        PrometheusSourceSpec()
    )


class DetectionSpec(ApiModel):
    """What counts as abnormal."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "!(has(self.falseAlarmsPerPodDay) && has(self.thresholdPermille))",
                "set falseAlarmsPerPodDay or thresholdPermille, not both: each decides alone when a pod is reported",
            )
        )
    )
    model: Annotated[
        ModelMode,
        Field(
            description="LSTM: the network over the statistics. Statistics: without the network. "
            "Z3 and AdaptiveZ: simpler statistics, kept for comparison."
        ),
    ] = ModelMode.LSTM
    false_alarms_per_pod_day: Annotated[
        str | None,
        Field(
            max_length=12,
            pattern=r"^[0-9]+(\.[0-9]+|m)?$",
            description="How many false alarms a pod may cause in a day, as a quantity: 1, 0.1 or 100m. "
            "The threshold is estimated for it from the pods' own history. Absent, with thresholdPermille absent "
            "too: the operator's settings.",
            json_schema_extra=rules(
                rule(
                    "isQuantity(self) && quantity(self).isGreaterThan(quantity('0')) "
                    "&& !quantity(self).isGreaterThan(quantity('100'))",
                    "must be a quantity above 0 and at most 100, for example 0.1",
                )
            ),
        ),
    ] = None
    threshold_permille: Annotated[
        int | None,
        Field(
            ge=1,
            le=1000,
            description="Report a pod when its calibrated probability of being abnormal reaches this, in thousandths, "
            "1 to 1000. More than the model is ever sure of means: as sure as it ever is.",
        ),
    ] = None
    minimum_duration: str = duration_field(
        "1m",
        at_least="0s",
        at_most="1h",
        description="How long a pod must stay abnormal before it is reported.",
    )


class AutoApprovalRule(ApiModel):
    """What the approver may approve without a person: this action, there, this surely, after so many successes."""

    action: Annotated[AnyAction, Field(description="The action.")]
    namespaces: Annotated[
        tuple[NamespaceName, ...],
        Field(
            min_length=1,
            max_length=64,
            description="Namespaces of the requests, each by name. Requests about nodes lie in the operator's.",
        ),
    ]
    minimum_probability_permille: int = permille_field(
        950, description="Only for findings at least this probable, or seen for certain."
    )
    minimum_successes: Annotated[
        int,
        Field(
            ge=0,
            le=1000,
            description="Only after the action has helped so often for this signal under this monitor.",
        ),
    ] = 3
    windows: Annotated[
        tuple[TimeWindow, ...], Field(max_length=16, description="Only at these hours. Empty: always.")
    ] = ()


class RemediationSpec(ApiModel):
    """What may be proposed, and under which rules."""

    mode: Annotated[
        RemediationMode,
        Field(
            description="Off: reports only. Suggest: requests are proposed, and carried out once approved. "
            "SuggestAndDryRun: requests are proposed and checked, and an approved one is only dry-run."
        ),
    ] = RemediationMode.SUGGEST
    allowed_actions: Annotated[
        tuple[AnyAction, ...], Field(max_length=16, description="The actions that may be proposed.")
    ] = (ActionName.RESTART, ActionName.SCALE)
    minimum_probability_permille: int = permille_field(
        800, description="Propose a fix only for findings at least this probable."
    )
    cooldown: str = duration_field(
        "15m", at_least="0s", at_most="168h", description="How long a target is left alone after a change."
    )
    approval_timeout: str = duration_field(
        "1h",
        at_least="1m",
        at_most="72h",
        description="How long a request lives: within it, it must be decided and its change begun.",
    )
    validation_window: str = duration_field(
        "3m", at_least="10s", at_most="1h", description="How long the effect of a change is watched."
    )
    protected_namespaces: Annotated[
        tuple[NamespaceName, ...],
        Field(
            max_length=256,
            description="Namespaces in which nothing is ever changed, beside the operator's own and all `kube-*`.",
        ),
    ] = ("kube-system", "kube-public", "kube-node-lease")
    maximum_actions_per_hour: Annotated[
        int,
        Field(
            ge=1,
            le=1000,
            description="How many changes may be made within an hour under this monitor's rules; more have to wait.",
        ),
    ] = 10
    minimum_available: Annotated[
        int,
        Field(
            ge=0,
            le=10_000,
            description="Pods of a workload that must stay ready while a change takes pods away. A workload with "
            "none ready cannot be hurt.",
        ),
    ] = 1
    maintenance_windows: Annotated[
        tuple[TimeWindow, ...],
        Field(
            max_length=16,
            description="When changes may be made; an approved request waits for the next opening. Empty: always.",
        ),
    ] = ()
    recurrence_window: str = duration_field(
        "24h",
        at_least="1m",
        at_most="168h",
        description="A trouble that comes back so soon after a success makes that success a failure.",
    )
    denial_memory: str = duration_field(
        "24h",
        at_least="0s",
        at_most="720h",
        description="How long an action that a person denied is not proposed again for the same trouble of the "
        "same target.",
    )
    auto_approval: Annotated[
        tuple[AutoApprovalRule, ...],
        Field(
            max_length=16,
            description="What the approver, a process of its own, approves without a person. Empty: nothing.",
        ),
    ] = ()
    paused: Annotated[bool, Field(description="Hold everything back: nothing is proposed or executed.")] = (
        False
    )


class ReportsSpec(ApiModel):
    """How long reports are kept, and how many there may be."""

    ttl: str = duration_field(
        "72h",
        at_least="10m",
        at_most="2160h",
        description="How long a report is kept after the trouble was last seen.",
    )
    maximum_active: Annotated[
        int,
        Field(
            ge=1,
            le=10_000,
            description="How many reports may be active at once; beyond it a condition says how many were held back.",
        ),
    ] = 200


class MonitorSpec(ApiModel):
    """What to watch and what to do about it."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "has(self.namespaceSelector) || (has(self.namespaces) && size(self.namespaces) > 0)",
                "select what to watch: set spec.namespaces, or spec.namespaceSelector ({} selects every namespace)",
            )
        )
    )
    namespaces: Annotated[
        tuple[NamespaceName, ...] | None,
        Field(
            max_length=1000, description="Namespaces to watch, by name; added to those of namespaceSelector."
        ),
    ] = None
    namespace_selector: Annotated[
        LabelSelector | None, Field(description="Namespaces to watch, by label; {} selects every namespace.")
    ] = None
    pod_selector: Annotated[
        LabelSelector | None, Field(description="Pods to watch within those namespaces; absent or {}: all.")
    ] = None
    interval: str = duration_field(
        "30s", at_least="1s", at_most="1h", description="How often the pods are scored."
    )
    sources: Annotated[SourcesSpec, Field(description="Where metrics come from.")] = SourcesSpec()
    detection: Annotated[DetectionSpec, Field(description="What counts as abnormal.")] = DetectionSpec()
    remediation: Annotated[RemediationSpec, Field(description="What may be proposed.")] = RemediationSpec()
    reports: Annotated[ReportsSpec, Field(description="How reports are kept.")] = ReportsSpec()


class MonitorStatus(ApiModel):
    """What the analyst says about its own work for this monitor."""

    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            max_length=16,
            description="Ready: pods are being scored. ModelLoaded: the model passed its checks. "
            "MetricsAvailable: the sources answered.",
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
        ),
    ] = ()
    observed_generation: Annotated[
        int | None, Field(ge=0, description="The metadata.generation that this status is about.")
    ] = None
    pods_watched: Annotated[int | None, Field(ge=0, description="Pods selected at the last tick.")] = None
    pods_scored: Annotated[
        int | None, Field(ge=0, description="Pods with a score at the last tick; the others are Unknown.")
    ] = None
    pods_affected: Annotated[
        int | None, Field(ge=0, description="Pods in trouble at the last tick: reported, or not ready.")
    ] = None
    workloads_affected: Annotated[
        int | None, Field(ge=0, description="Workloads that those pods belong to.")
    ] = None
    reports_active: Annotated[int | None, Field(ge=0, description="Reports active now.")] = None
    ticks_since_change: Annotated[
        int | None,
        Field(
            ge=0,
            description="Evaluations since the process started or its model changed; nothing is changed in the "
            "first ones.",
        ),
    ] = None
    last_tick_time: Annotated[Time | None, Field(description="When the pods were last scored.")] = None
    last_tick_duration: Annotated[
        str | None, Field(max_length=16, description="How long the last tick took, in seconds, e.g. 0.12s.")
    ] = None
    missed_ticks: Annotated[
        int | None, Field(ge=0, description="Ticks that fell out since the process started.")
    ] = None
    threshold_milli: Annotated[
        int | None, Field(description="The score above which a pod is abnormal, in thousandths.")
    ] = None
    outcomes: Annotated[
        tuple[OutcomeCount, ...] | None,
        Field(
            max_length=OUTCOMES_MAX,
            description="What became of past actions, for each signal, action and target; the latest.",
        ),
    ] = None
    outcomes_forgotten_until: Annotated[
        Time | None,
        Field(description="When the latest request ended that is no longer counted, for lack of room."),
    ] = None


class AnomalyMonitor(ApiModel):
    """Watches the vitals of selected pods, reports what is abnormal, and proposes fixes."""

    api_version: Literal["podvigil.io/v1alpha1"] = "podvigil.io/v1alpha1"
    kind: Literal["AnomalyMonitor"] = "AnomalyMonitor"
    metadata: dict[str, Any]
    spec: Annotated[MonitorSpec, Field(description="What to watch, as a person wrote it.")]
    status: Annotated[MonitorStatus, Field(description="What was observed, as the analyst wrote it.")] = (
        MonitorStatus()
    )
