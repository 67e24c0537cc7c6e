"""A real kubelet beside a real control plane; root and runc are needed, and said to be missing loudly."""

import itertools
from collections.abc import Iterator

import pytest

from executors import ThreadedExecutor
from localcluster.controlplane import ControlPlane
from localcluster.node import RealNode
from shop import EXECUTOR, Shop, install

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def control_plane() -> Iterator[ControlPlane]:
    with ControlPlane() as started:
        yield started


@pytest.fixture(scope="session")
def node(control_plane: ControlPlane) -> Iterator[RealNode]:
    """A Ready node, with Podvigil's installation on the cluster."""
    with RealNode(control_plane) as started:
        install(control_plane)
        yield started


@pytest.fixture(scope="session")
def executor(node: RealNode, control_plane: ControlPlane) -> Iterator[ThreadedExecutor]:
    with ThreadedExecutor(control_plane.kubeconfig(EXECUTOR)) as running:
        yield running


@pytest.fixture
def shop(control_plane: ControlPlane, node: RealNode) -> Iterator[Shop]:
    """A namespace of its own, whose monitor allows what is tried here."""
    name = f"test-{next(_numbers)}"
    control_plane.kubectl("create", "namespace", name)
    shop = Shop(control_plane, name)
    shop.set_rules(allowedActions=["Restart", "SetResources"])
    yield shop
    control_plane.kubectl("delete", "namespace", name, "--wait=false")
