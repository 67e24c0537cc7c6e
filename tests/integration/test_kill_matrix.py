"""The executor is killed at every step of every action: before each of its writes is done, and right after.

The stories are those of tests/scenarios: each must end as if nobody had been killed, with the very same calls in the
API server's audit log. Each is played by one executor that starts again under its name, and by two that take over
from each other.

All stories: `make kill-matrix`. One of each action is part of `make test`.
"""

import os
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from executors import ThreadedExecutor
from faults.kills import Fleet
from faults.proxy import Asked, Fault, FaultProxy, Meet, Rule
from faults.steps import step_of
from localcluster.controlplane import ControlPlane
from shop import EXECUTOR
from stories.model import Scenario, all_scenarios
from stories.play import Play

DONE: Final = ("preflight", "claim", "record")
KEPT: Final = (*DONE, "conclude Succeeded", "finish Succeeded")
UNDONE: Final = (*DONE, "conclude Ineffective", "begin rollback", "settle", "finish Ineffective")
WANTED_BACK: Final = ("begin rollback", "settle", "finish RolledBack")
CANCELLED: Final = ("preflight", "claim", "give up", "settle", "finish Cancelled")

STORIES: Final[dict[str, tuple[str, ...]]] = {
    "restart-helps": KEPT,
    "restart-one-stuck-pod": KEPT,
    "restart-on-delete": KEPT,
    "scale-does-not-help": UNDONE,
    "scale-rolled-back-by-a-person": (*KEPT, *WANTED_BACK),
    "set-resources-in-place-does-not-help": UNDONE,
    "set-resources-for-good-is-taken-back": (*KEPT, *WANTED_BACK),
    "rollback-does-not-help": UNDONE,
    "run-job-helps": KEPT,
    "run-job-cancelled": (*CANCELLED, "begin rollback"),
    "cordoned-node-stays-in-trouble": (*DONE, "conclude Inconclusive", "finish Inconclusive", *WANTED_BACK),
    "uncordon-brings-the-trouble-back": UNDONE,
    "drain-one-after-the-other": KEPT,
    "drain-cancelled-midway": (*CANCELLED, "begin rollback"),
}
"""Of each story the steps that are written down; with the calls of its file they are what must be cut short."""

ALL: Final = "PODVIGIL_WHOLE_KILL_MATRIX"
"""Set by `make kill-matrix`."""

SAMPLE: Final = frozenset(
    {
        ("restart-helps", 2),
        ("scale-does-not-help", 2),
        ("set-resources-in-place-does-not-help", 1),
        ("rollback-does-not-help", 1),
        ("run-job-cancelled", 2),
        ("cordoned-node-stays-in-trouble", 1),
        ("uncordon-brings-the-trouble-back", 2),
        ("drain-one-after-the-other", 1),
    }
)
"""In `make test`: each action once, by one executor or by two."""

CASES: Final = [
    (name, replicas)
    for replicas in (1, 2)
    for name in STORIES
    if os.environ.get(ALL) or (name, replicas) in SAMPLE
]

AT_ONCE: Final = 5
"""Beside the one about a node: the second node waits for the first by design."""

PATIENCE_SECONDS: Final = 180
"""For each thing that a story waits for."""

Played = dict[tuple[str, int], Future[Counter[str]]]


@pytest.fixture(scope="module")
def played(
    request: pytest.FixtureRequest, installed: ControlPlane, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Played]:
    """The stories of the selected tests, a few at once; each future holds the steps at which executors were killed."""
    scenarios, folder = all_scenarios(), tmp_path_factory.mktemp("kills")

    def play(name: str, replicas: int) -> Counter[str]:
        story = Play(installed, _adapted(scenarios[name], replicas), PATIENCE_SECONDS)
        with Fleet(installed, replicas, folder / _id((name, replicas)), story.marks) as fleet:
            story.run()
            return fleet.cuts.steps

    selected = {item.name for item in request.session.items if item.path == request.path}
    wanted = [case for case in CASES if any(f"[{_id(case)}]" in name for name in selected)]
    with ThreadPoolExecutor(AT_ONCE) as pool, ThreadPoolExecutor(1) as nodes:
        yield {
            case: (nodes if scenarios[case[0]].fault.kind == "Node" else pool).submit(play, *case)
            for case in wanted
        }


def _id(case: tuple[str, int]) -> str:
    name, replicas = case
    return f"{name}-{'one-replica' if replicas == 1 else 'two-replicas'}"


def _adapted(scenario: Scenario, replicas: int) -> Scenario:
    """The story with nodes that no other run has."""
    text = scenario.model_dump_json(by_alias=True)
    for node in scenario.world.nodes:
        text = text.replace(node, f"{node}-of-{replicas}")
    return Scenario.model_validate_json(text)


@pytest.mark.parametrize("case", CASES, ids=_id)
def test_killed_at_every_step(played: Played, case: tuple[str, int]) -> None:
    name, _ = case
    calls = [" ".join(call.split()[:2]) for call in all_scenarios()[name].calls]
    assert played[case].result() >= Counter([*STORIES[name], *calls])


class FirstClaim(Rule):
    """The first claim that an executor writes."""

    def fault_for(self, asked: Asked) -> Fault | None:
        step = step_of(asked)
        return super().fault_for(asked) if step is not None and step.name == "claim" else None


def test_a_claim_is_raced(installed: ControlPlane, tmp_path: Path) -> None:
    """Two executors find the same request free, and each has sent its claim before the server has seen the other's."""
    barrier = threading.Barrier(2)
    with ExitStack() as running:
        executors = []
        for name in ("executor-a", "executor-b"):
            proxy = running.enter_context(FaultProxy(installed.url, ca_file=installed.ca_file))
            proxy.add(FirstClaim(Meet(barrier), times=1))
            kubeconfig = proxy.kubeconfig(tmp_path / name, installed.token(EXECUTOR))
            executors.append(running.enter_context(ThreadedExecutor(kubeconfig, name)))
        Play(installed, all_scenarios()["scale-does-not-help"]).run()
    assert not barrier.broken, "only one of them has claimed it"
    assert sum(one.metric("podvigil_executor_errors_total", status="409") for one in executors) >= 1
