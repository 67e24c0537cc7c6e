"""A real control plane for the whole run, and a namespace for each test."""

import itertools
from collections.abc import Iterator

import pytest

from localcluster.controlplane import ControlPlane

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def control_plane() -> Iterator[ControlPlane]:
    """etcd, kube-apiserver, controller-manager and scheduler; no nodes, so pods stay Pending."""
    with ControlPlane() as started:
        yield started


@pytest.fixture
def namespace(control_plane: ControlPlane) -> Iterator[str]:
    """A namespace that no other test has; its removal is not waited for."""
    name = f"test-{next(_numbers)}"
    control_plane.kubectl("create", "namespace", name)
    yield name
    control_plane.kubectl("delete", "namespace", name, "--wait=false")
