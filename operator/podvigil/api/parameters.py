"""What a plan's action needs to know; each part belongs to one action."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from podvigil.api.base import ApiModel, Name, duration_field

REPLICAS_MAX = 10_000
"""Bounds a mistyped count; no single workload of a supported cluster has more pods."""


class PodReference(ApiModel):
    """One pod, and no later namesake of it."""

    name: Annotated[Name, Field(description="Name of the pod, in the request's own namespace.")]
    uid: Annotated[str, Field(min_length=1, max_length=128, description="UID of the pod.")]


class ResourceMethod(StrEnum):
    """How container resources are set."""

    IN_PLACE = "InPlace"
    TEMPLATE = "Template"


Quantity = Annotated[str, Field(max_length=32, pattern=r"^[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?$")]
"""An amount of cpu or memory, e.g. 250m or 512Mi."""


class ResourceValues(ApiModel):
    """The resources of one container that are to be set; what is absent stays as it is."""

    container: Annotated[str, Field(min_length=1, max_length=63, description="Name of the container.")]
    method: Annotated[
        ResourceMethod,
        Field(
            description="InPlace: the running pods are resized (pods/resize) and the next rollout forgets it. "
            "Template: the pod template is changed by server-side apply, and the pods are replaced."
        ),
    ] = ResourceMethod.IN_PLACE
    requests: Annotated[
        dict[Literal["cpu", "memory"], Quantity] | None,
        Field(max_length=2, description="Requests to set: cpu, memory."),
    ] = None
    limits: Annotated[
        dict[Literal["cpu", "memory"], Quantity] | None,
        Field(max_length=2, description="Limits to set: cpu, memory."),
    ] = None


class DrainOptions(ApiModel):
    """How a node is drained."""

    timeout: str = duration_field(
        "15m",
        at_least="10s",
        at_most="24h",
        description="How long pods may take to leave; then the drain stops, and uncordons what it cordoned.",
    )
    delete_empty_dir_data: Annotated[
        bool, Field(description="Evict pods with emptyDir volumes too; what is in them is lost.")
    ] = False


class PlanParameters(ApiModel):
    """What the action needs to know."""

    replicas: Annotated[
        int | None, Field(ge=0, le=REPLICAS_MAX, description="Scale: the number of replicas to set.")
    ] = None
    pod: Annotated[
        PodReference | None,
        Field(description="Restart: evict this one pod only, instead of rolling the whole workload."),
    ] = None
    resources: Annotated[
        ResourceValues | None, Field(description="SetResources: the resources to set, and how.")
    ] = None
    revision: Annotated[
        int | None,
        Field(ge=1, description="Rollback: the revision to go back to; absent: the one before the present."),
    ] = None
    drain: Annotated[DrainOptions | None, Field(description="Drain: how; absent: the defaults.")] = None
    arguments: Annotated[
        dict[str, Annotated[str, Field(max_length=256)]] | None,
        Field(max_length=16, description="Actions of other packages: what they need, as they document it."),
    ] = None
