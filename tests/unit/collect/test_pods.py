"""Pods as the API server writes them: one that is well, then one thing changed per row."""

import copy
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from podvigil.api.pods import PodKey, Workload
from podvigil.cluster.errors import ClusterError
from podvigil.collect.namespaces import SINGLE_LISTS, places_to_list
from podvigil.collect.owners import decode_replica_sets, last_rollouts, workload_of
from podvigil.collect.pods import Owner, PodRecord, Termination, decode_pods

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()

WELL: dict[str, Any] = {
    "metadata": {
        "name": "web-5d9f-abcde",
        "namespace": "shop",
        "uid": "u1",
        "resourceVersion": "42",
        "creationTimestamp": "2026-03-01T12:00:00Z",
        "labels": {"app": "web", "pod-template-hash": "5d9f"},
        "ownerReferences": [
            {"apiVersion": "v1", "kind": "Other", "name": "x", "uid": "x"},
            {
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "name": "web-5d9f",
                "uid": "rs1",
                "controller": True,
            },
        ],
        "managedFields": [{"manager": "kubelet"}],
    },
    "spec": {
        "nodeName": "node-1",
        "containers": [
            {"name": "app", "image": "x", "resources": {"limits": {"cpu": "500m", "memory": "256Mi"}}},
            {
                "name": "log",
                "resources": {"limits": {"cpu": "1", "memory": "1e6"}, "requests": {"cpu": "1m"}},
            },
        ],
    },
    "status": {
        "phase": "Running",
        "startTime": "2026-03-01T12:00:05Z",
        "conditions": [{"type": "Ready", "status": "True"}, {"type": "PodScheduled", "status": "True"}],
        "containerStatuses": [
            {"name": "app", "restartCount": 2, "state": {"running": {}}, "lastState": {}},
            {"name": "log", "restartCount": 1, "state": {"running": {}}},
        ],
    },
}


def pod(**changes: Any) -> dict[str, Any]:
    """The well pod with `a__b__0=value` put at its place."""
    changed = copy.deepcopy(WELL)
    for path, value in changes.items():
        *way, last = [int(step) if step.isdecimal() else step for step in path.split("__")]
        place: Any = changed
        for step in way:
            place = place[step]
        place[last] = value
    return changed


def record(body: dict[str, Any]) -> PodRecord:
    [one] = decode_pods(json.dumps({"metadata": {}, "items": [body]}).encode())
    return one


def test_a_well_pod() -> None:
    assert record(WELL) == PodRecord(
        key=PodKey("shop", "web-5d9f-abcde"),
        uid="u1",
        resource_version="42",
        phase="Running",
        status_reason="",
        node="node-1",
        unschedulable="",
        created=NOON,
        started=NOON + 5,
        ready=True,
        terminating=False,
        owner=Owner("apps/v1", "ReplicaSet", "web-5d9f", "rs1"),
        pod_template_hash="5d9f",
        restarts=3,
        last_termination=None,
        waiting_reason="",
        cpu_limit_cores=1.5,
        memory_limit_bytes=256 * 2**20 + 1e6,
    )


OOM = {"exitCode": 137, "reason": "OOMKilled", "finishedAt": "2026-03-01T12:00:00Z"}
OLDER = {"exitCode": 1, "reason": "Error", "finishedAt": "2026-03-01T11:00:00Z"}


@pytest.mark.parametrize(
    ("changes", "field", "expected"),
    [
        pytest.param(
            {"status__containerStatuses__0__lastState": {"terminated": OOM}},
            "last_termination",
            Termination("app", "OOMKilled", 137, NOON),
            id="killed-for-memory",
        ),
        pytest.param(
            {
                "status__containerStatuses__0__lastState": {"terminated": OOM},
                "status__containerStatuses__1__state": {"terminated": OLDER},
            },
            "last_termination",
            Termination("app", "OOMKilled", 137, NOON),
            id="the-latest-termination-counts",
        ),
        pytest.param(
            {"status__containerStatuses__1__state": {"waiting": {"reason": "CrashLoopBackOff"}}},
            "waiting_reason",
            "CrashLoopBackOff",
            id="crash-loop",
        ),
        pytest.param(
            {
                "status__containerStatuses__0__state": {"waiting": {"reason": "PodInitializing"}},
                "status__initContainerStatuses": [
                    {"name": "i", "state": {"waiting": {"reason": "ContainerCreating"}}},
                    {"name": "j", "state": {"waiting": {"reason": "ImagePullBackOff"}}},
                ],
            },
            "waiting_reason",
            "ImagePullBackOff",
            id="the-wait-that-explains",
        ),
        pytest.param(
            {"spec__containers__1__resources": {}},
            "memory_limit_bytes",
            None,
            id="one-unlimited-is-unlimited",
        ),
        pytest.param(
            {"spec__resources": {"limits": {"memory": "1Gi"}}},
            "memory_limit_bytes",
            2.0**30,
            id="the-pods-own-limit-holds-for-all",
        ),
        pytest.param(
            {"spec__initContainers": [{"restartPolicy": "Always", "resources": {"limits": {"cpu": "100m"}}}]},
            "cpu_limit_cores",
            1.6,
            id="a-sidecar-counts",
        ),
        pytest.param(
            {"spec__initContainers": [{"name": "once"}]}, "cpu_limit_cores", 1.5, id="an-init-does-not"
        ),
        pytest.param(
            {"metadata__deletionTimestamp": "2026-03-01T12:00:00Z"}, "terminating", True, id="leaving"
        ),
        pytest.param({"metadata__ownerReferences": []}, "owner", None, id="bare"),
        pytest.param(
            {"metadata__labels": {"controller-revision-hash": "r2"}}, "pod_template_hash", "r2", id="sts"
        ),
        pytest.param(
            {"status__reason": "Evicted", "status__phase": "Failed"}, "status_reason", "Evicted", id="evicted"
        ),
        pytest.param({"status__startTime": None}, "started", None, id="not-started"),
        pytest.param({"status__conditions": []}, "ready", False, id="unknown-is-not-ready"),
        pytest.param(
            {"status__conditions__1": {"type": "PodScheduled", "status": "False", "message": "no node"}},
            "unschedulable",
            "no node",
            id="unschedulable",
        ),
    ],
)
def test_what_a_pod_tells(changes: dict[str, Any], field: str, expected: object) -> None:
    assert (
        getattr(record(pod(**changes)), field) == pytest.approx(expected)
        if isinstance(expected, float)
        else (getattr(record(pod(**changes)), field) == expected)
    )


def test_a_pod_just_made_has_little() -> None:
    metadata = {key: WELL["metadata"][key] for key in ("name", "namespace", "uid", "resourceVersion")}
    one = record({"metadata": {**metadata, "creationTimestamp": "2026-03-01T12:00:00Z"}})
    assert (one.phase, one.node, one.ready, one.restarts, one.owner) == ("Unknown", "", False, 0, None)


@pytest.mark.parametrize("page", [b"", b"{}", b'{"items":[{}]}', b'{"items":[{"metadata":{"name":3}}]}'])
def test_what_is_no_list_of_pods_raises(page: bytes) -> None:
    with pytest.raises(ClusterError, match="NotAPodList"):
        list(decode_pods(page))


# -- owners

REPLICA_SETS = decode_replica_sets(
    json.dumps(
        {
            "items": [
                {
                    "metadata": {
                        "uid": "rs1",
                        "creationTimestamp": "2026-03-01T10:00:00Z",
                        "ownerReferences": [
                            {
                                "apiVersion": "apps/v1",
                                "kind": "Deployment",
                                "name": "web",
                                "uid": "d1",
                                "controller": True,
                            }
                        ],
                    }
                },
                {"metadata": {"uid": "rs2", "creationTimestamp": "2026-03-01T10:00:00Z"}},
            ]
        }
    ).encode()
)


def owned_by(kind: str, uid: str, api_version: str = "apps/v1") -> dict[str, Any]:
    reference = {"apiVersion": api_version, "kind": kind, "name": "o", "uid": uid, "controller": True}
    return pod(metadata__ownerReferences=[reference])


@pytest.mark.parametrize(
    ("body", "workload"),
    [
        pytest.param(WELL, Workload("apps/v1", "Deployment", "shop", "web", "d1"), id="deployment"),
        pytest.param(
            owned_by("ReplicaSet", "rs2"),
            Workload("apps/v1", "ReplicaSet", "shop", "o", "rs2"),
            id="replicaset",
        ),
        pytest.param(
            owned_by("StatefulSet", "s1"),
            Workload("apps/v1", "StatefulSet", "shop", "o", "s1"),
            id="statefulset",
        ),
        pytest.param(
            owned_by("Job", "j1", "batch/v1"), Workload("batch/v1", "Job", "shop", "o", "j1"), id="job"
        ),
        pytest.param(
            pod(metadata__ownerReferences=[]),
            Workload("v1", "Pod", "shop", "web-5d9f-abcde", "u1"),
            id="bare",
        ),
        pytest.param(
            owned_by("Node", "n1", "v1"), Workload("v1", "Pod", "shop", "web-5d9f-abcde", "u1"), id="static"
        ),
    ],
)
def test_the_workload_is_what_a_person_would_repair(body: dict[str, Any], workload: Workload) -> None:
    assert workload_of(record(body), REPLICA_SETS) == workload


def test_an_odd_page_of_owners_raises() -> None:
    with pytest.raises(ClusterError, match="NotAMetadataList"):
        decode_replica_sets(b"[]")


def test_a_rollout_is_the_newest_of_two_revisions() -> None:
    (first,) = REPLICA_SETS.values()
    later = msgspec.structs.replace(first, created=first.created + timedelta(hours=1))
    alone = msgspec.structs.replace(first, owner=msgspec.structs.replace(first.owner, uid="d2"))
    assert last_rollouts({"rs1": first, "rs3": later, "rs4": alone}) == {"d1": later.created}


def test_a_list_that_found_nothing() -> None:
    # The API server writes null for the items of an empty list of metadata.
    assert decode_replica_sets(b'{"kind":"PartialObjectMetadataList","items":null}') == {}
    assert list(decode_pods(b'{"items":null}')) == []


def test_few_namespaces_are_listed_one_by_one() -> None:
    assert places_to_list({"b", "a"}) == ("a", "b")
    assert places_to_list(None) == (None,)
    assert places_to_list(()) == ()
    assert places_to_list([f"n{number}" for number in range(SINGLE_LISTS + 1)]) == (None,)
