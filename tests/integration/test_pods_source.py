"""Pods, owners and namespaces as a real API server lists them."""

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from localcluster.cluster import KwokCluster
from localcluster.controlplane import ControlPlane
from podvigil.api.pods import PodKey
from podvigil.cluster.client import Cluster
from podvigil.cluster.connect import connect
from podvigil.cluster.errors import BadRequest
from podvigil.collect.namespaces import list_namespaces
from podvigil.collect.owners import list_replica_sets, workload_of
from podvigil.collect.pods import list_pods


@pytest_asyncio.fixture
async def cluster(control_plane: ControlPlane) -> AsyncIterator[Cluster]:
    one = Cluster(connect(control_plane.kubeconfig()))
    yield one
    await one.aclose()


async def test_a_deployments_pods_and_their_owner(
    kwok_cluster: KwokCluster, cluster: Cluster, namespace: str
) -> None:
    names = kwok_cluster.deploy(namespace, "web", replicas=2)
    pods = await list_pods(cluster, [namespace])
    assert {key.name for key in pods} == set(names)
    assert await list_pods(cluster, label_selector="no=such") == {}
    owners = await list_replica_sets(cluster, [namespace])
    for pod in pods.values():
        assert (pod.phase, pod.ready, pod.restarts, pod.terminating) == ("Running", True, 0, False)
        assert pod.node.startswith("node-")
        assert pod.started is not None
        assert pod.started >= pod.created > 1.7e9
        assert pod.pod_template_hash
        assert pod.key.name.startswith(f"web-{pod.pod_template_hash}-")
        workload = workload_of(pod, owners)
        assert (str(workload), workload.api_version) == (f"Deployment {namespace}/web", "apps/v1")
        assert workload.uid


async def test_a_pod_killed_for_its_memory(
    kwok_cluster: KwokCluster, cluster: Cluster, namespace: str
) -> None:
    [name] = kwok_cluster.deploy(namespace, "web", replicas=1)
    kwok_cluster.kwok.crash(namespace, name, reason="OOMKilled", exit_code=137)
    pod = (await list_pods(cluster, [namespace]))[PodKey(namespace, name)]
    assert pod.restarts == 1
    assert pod.last_termination is not None
    assert (pod.last_termination.reason, pod.last_termination.exit_code) == ("OOMKilled", 137)
    assert pod.last_termination.finished is not None


async def test_a_bare_pod_that_fits_nowhere(
    kwok_cluster: KwokCluster, control_plane: ControlPlane, cluster: Cluster, namespace: str
) -> None:
    resources = {"limits": {"cpu": "2k", "memory": "64Mi"}}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "huge", "namespace": namespace},
        "spec": {"containers": [{"name": "a", "image": "none", "resources": resources}]},
    }
    control_plane.kubectl("apply", "-f", "-", input=json.dumps(pod))
    control_plane.wait_for(
        "pod/huge", f"--namespace={namespace}", "--for=condition=PodScheduled=False", timeout_seconds=30
    )
    one = (await list_pods(cluster, [namespace]))[PodKey(namespace, "huge")]
    assert (one.phase, one.node, one.owner) == ("Pending", "", None)
    assert "Insufficient cpu" in one.unschedulable
    assert (one.cpu_limit_cores, one.memory_limit_bytes) == (2000.0, 64 * 2**20)
    assert str(workload_of(one, {})) == f"Pod {namespace}/huge"


async def test_namespaces_by_label(control_plane: ControlPlane, cluster: Cluster, namespace: str) -> None:
    control_plane.kubectl("label", "namespace", namespace, f"team={namespace}")
    assert await list_namespaces(cluster, f"team={namespace}") == (namespace,)
    assert {"default", "kube-system", namespace} <= set(await list_namespaces(cluster))
    assert await list_namespaces(cluster, "team=none") == ()
    with pytest.raises(BadRequest):
        await list_namespaces(cluster, "team in (")
