"""Which workload a pod belongs to: the object that a person would repair; and when it was last rolled out."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final

import msgspec

from podvigil.api.pods import Workload
from podvigil.api.resources import REPLICASETS
from podvigil.cluster.client import Cluster
from podvigil.cluster.errors import ClusterError
from podvigil.collect.namespaces import places_to_list
from podvigil.collect.pods import Owner, PodRecord


class ReplicaSetRecord(msgspec.Struct, frozen=True, gc=False):
    """One revision of a Deployment, or of an Argo Rollout."""

    owner: Owner
    created: datetime


class _Reference(msgspec.Struct, gc=False, rename="camel"):
    api_version: str
    kind: str
    name: str
    uid: str
    controller: bool = False


class _Metadata(msgspec.Struct, gc=False, rename="camel"):
    uid: str
    creation_timestamp: datetime
    owner_references: list[_Reference] = []


class _Item(msgspec.Struct, gc=False):
    metadata: _Metadata


class _Page(msgspec.Struct, gc=False):
    items: list[_Item] | None  # null: a list of metadata that found nothing


_PAGE: Final = msgspec.json.Decoder(_Page)


async def list_replica_sets(
    cluster: Cluster, namespaces: Collection[str] | None = None
) -> dict[str, ReplicaSetRecord]:
    """The ReplicaSets that something controls, by uid.

    List the pods first and these after: then the ReplicaSet of every pod listed is among them.
    Raises: ClusterError.
    """
    found: dict[str, ReplicaSetRecord] = {}
    for place in places_to_list(namespaces):
        async for page in cluster.pages(REPLICASETS, place, as_metadata=True):
            found.update(decode_replica_sets(page))
    return found


def decode_replica_sets(page: bytes) -> dict[str, ReplicaSetRecord]:
    """Read one page of object metadata. Raises: ClusterError when it is none."""
    try:
        items = _PAGE.decode(page).items or ()
    except msgspec.DecodeError as error:
        raise ClusterError(200, "NotAMetadataList", str(error), call="list replicasets") from error
    return {
        item.metadata.uid: ReplicaSetRecord(
            Owner(one.api_version, one.kind, one.name, one.uid), item.metadata.creation_timestamp
        )
        for item in items
        for one in item.metadata.owner_references
        if one.controller
    }


def workload_of(pod: PodRecord, replica_sets: Mapping[str, ReplicaSetRecord]) -> Workload:
    """The pod's controller, or that controller's when it is a ReplicaSet of a Deployment (or an Argo Rollout).

    A bare pod, and a static one that its Node owns, is its own workload.
    """
    owner = pod.owner
    if owner is None or owner.kind == "Node":
        return Workload("v1", "Pod", pod.key.namespace, pod.key.name, pod.uid)
    if owner.kind == REPLICASETS.kind and (found := replica_sets.get(owner.uid)):
        owner = found.owner
    return Workload(owner.api_version, owner.kind, pod.key.namespace, owner.name, owner.uid)


def last_rollouts(replica_sets: Mapping[str, ReplicaSetRecord]) -> dict[str, datetime]:
    """When each workload's newest revision was made, by the workload's uid; one that has a single one had no rollout.

    A template that is put back makes no new ReplicaSet: of such a rollout nothing is known here.
    """
    made: defaultdict[str, list[datetime]] = defaultdict(list)
    for one in replica_sets.values():
        made[one.owner.uid].append(one.created)
    return {uid: max(times) for uid, times in made.items() if len(times) > 1}
