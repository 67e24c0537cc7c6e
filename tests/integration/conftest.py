"""A real control plane for the whole run, nodes and metrics when asked for, and a namespace for each test."""

import itertools
from collections.abc import Iterator

import pytest

from executors import ThreadedExecutor
from localcluster.cluster import KwokCluster
from localcluster.controlplane import ControlPlane
from shop import EXECUTOR, Shop, forget_monitor, install

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def control_plane() -> Iterator[ControlPlane]:
    """etcd, kube-apiserver, controller-manager and scheduler. Without `kwok_cluster` pods stay Pending."""
    with ControlPlane() as started:
        yield started


@pytest.fixture(scope="session")
def kwok_cluster(control_plane: ControlPlane) -> KwokCluster:
    """Two simulated nodes and Prometheus (scraping every 2 s) beside `control_plane`, which ends them."""
    cluster = KwokCluster(control_plane, scrape_interval_seconds=2)
    cluster.start(nodes=2)
    return cluster


@pytest.fixture
def namespace(control_plane: ControlPlane) -> Iterator[str]:
    """A namespace that no other test has; its removal is not waited for."""
    name = f"test-{next(_numbers)}"
    control_plane.kubectl("create", "namespace", name)
    yield name
    forget_monitor(control_plane, name)
    control_plane.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture(scope="module")
def installed(kwok_cluster: KwokCluster) -> ControlPlane:
    """On a cluster whose pods become ready, and applied anew for each file; no process of ours runs yet."""
    install(kwok_cluster.control_plane)
    return kwok_cluster.control_plane


@pytest.fixture
def shop(installed: ControlPlane, namespace: str) -> Shop:
    """A namespace with a monitor, and what is needed to bring a workload of it into trouble."""
    return Shop(installed, namespace)


@pytest.fixture(scope="module")
def executor(installed: ControlPlane) -> Iterator[ThreadedExecutor]:
    """An executor at work under its own account."""
    with ThreadedExecutor(installed.kubeconfig(EXECUTOR)) as running:
        yield running
