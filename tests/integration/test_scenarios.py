"""Each story of tests/scenarios, on a real control plane; docs/scenarios.md lists them."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

import pytest

from approvers import ThreadedApprover, install_approver
from argo import install_argo
from executors import ThreadedExecutor
from localcluster.cluster import KwokCluster
from shop import APPROVER, EXECUTOR, install
from stories.model import Scenario, all_scenarios
from stories.play import Play

SCENARIOS: Final[dict[str, Scenario]] = all_scenarios()
SIDE_BY_SIDE: Final = [name for name, scenario in SCENARIOS.items() if not scenario.alone]
NODES: Final = {name for name in SIDE_BY_SIDE if SCENARIOS[name].fault.kind == "Node"}
"""One after the other, beside the rest: the second node waits for the first by design."""
ALONE: Final = [name for name, scenario in SCENARIOS.items() if scenario.alone]
AT_ONCE: Final = 6
"""A story is mostly waiting; more at once make each other late on two cores."""


@pytest.fixture(scope="module")
def played(kwok_cluster: KwokCluster) -> Iterator[dict[str, Future[None]]]:
    """Stories that disturb no other are played side by side; the rest one after the other when asked for."""
    cluster = kwok_cluster.control_plane
    install(cluster)
    install_approver(cluster)
    install_argo(cluster)
    with (
        ThreadedExecutor(cluster.kubeconfig(EXECUTOR)),
        ThreadedApprover(cluster.kubeconfig(APPROVER)),
        ThreadPoolExecutor(AT_ONCE) as pool,
        ThreadPoolExecutor(1) as nodes,
    ):
        yield {
            name: (nodes if name in NODES else pool).submit(Play(cluster, SCENARIOS[name]).run)
            for name in SIDE_BY_SIDE
        }


@pytest.mark.parametrize("name", [*SIDE_BY_SIDE, *ALONE])
def test_scenario(name: str, played: dict[str, Future[None]], kwok_cluster: KwokCluster) -> None:
    if name in played:
        played[name].result()
        return
    Play(kwok_cluster.control_plane, SCENARIOS[name]).run()
