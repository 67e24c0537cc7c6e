"""A resize in place that restarts containers (their resizePolicy says so): one after the other, and no crash."""

from dataclasses import replace
from typing import Any

import pytest

from podvigil.api.reasons import Reason
from podvigil.remediate.actions.base import Progress
from podvigil.remediate.actions.set_resources.pods import look
from podvigil.remediate.targets.pods import PodState
from podvigil.remediate.validation.effect import Effect
from unit.remediate.test_set_resources import BIG, SET, SMALL, THREE, change_of, plan, running, web
from unit.remediate.world import NOW, at, deployment, report

Json = dict[str, Any]
STARTED: Json = {"running": {"startedAt": at(-1)}}


def test_containers_that_restart_go_one_after_the_other() -> None:
    policy = [{"resourceName": "cpu", "restartPolicy": "RestartContainer"}]

    def restarting(name: str, resources: Json, ready: str = "True") -> PodState:
        container = {"name": "app", "resources": resources, "resizePolicy": policy}
        conditions = [{"type": "Ready", "status": ready}]
        return running(name, spec__containers=[container], status__conditions=conditions)

    old = (restarting("web-1", SMALL), restarting("web-2", SMALL), restarting("web-3", SMALL))
    change = change_of(web(*old))
    assert SET.disruption(web(*old), plan()).pods == 3
    assert SET.disruption(web(*old), plan()).at_once == 1
    assert len(look(web(restarting("web-1", BIG), *old[1:]), "app", change).next()) == 1
    assert look(web(restarting("web-1", BIG, "False"), *old[1:]), "app", change).next() == []


@pytest.mark.parametrize(
    ("restarts", "own", "progress"),
    [
        pytest.param(True, {"ready": False, "state": STARTED}, Progress.UNDER_WAY, id="it-is-starting"),
        pytest.param(True, {"ready": True, "state": STARTED}, Progress.DONE, id="it-is-ready"),
        pytest.param(
            True, {"ready": False, "state": {"waiting": {}}}, Progress.DONE, id="it-has-ended-again"
        ),
        pytest.param(False, {"ready": False, "state": STARTED}, Progress.DONE, id="it-was-not-restarted"),
    ],
)
def test_the_restart_of_the_last_container_belongs_to_the_change(
    restarts: bool, own: Json, progress: Progress
) -> None:
    policy = [{"resourceName": "cpu", "restartPolicy": "RestartContainer" if restarts else "NotRequired"}]
    last = running(
        "web-3",
        spec__containers=[{"name": "app", "resources": BIG, "resizePolicy": policy}],
        status__conditions=[{"type": "Ready", "status": "False"}],
        status__containerStatuses=[{"name": "app", "restartCount": 1, **own}],
    )
    target, change = web(running("web-1", BIG), running("web-2", BIG), last), change_of(web(*THREE))
    assert SET.progress(target, plan(), change) is progress
    shown = look(target, "app", change).progress()
    is_waited_for = progress is Progress.UNDER_WAY
    assert (shown.done, shown.total) == (2 if is_waited_for else 3, 3)
    assert shown.waiting_for == ("web-3 on node-1: container app is not ready yet" if is_waited_for else None)


def test_restarts_that_the_resize_makes_are_no_crashes() -> None:
    policy = [{"resourceName": "cpu", "restartPolicy": "RestartContainer"}]
    container = {"name": "app", "resources": BIG, "resizePolicy": policy}
    pods = tuple(running(f"web-{n}", spec__containers=[container]) for n in range(4))
    target = replace(
        web(*pods),
        pods=tuple(replace(p, restarts=1) for p in pods),
    )
    effect = Effect(
        target=target,
        plan=plan(),
        report=report(),
        baseline=deployment().health,
        previous=None,
        begun_at=NOW,
        changed_at=NOW,
        until=NOW.replace(hour=11),
        interval_seconds=30,
    )
    assert SET.judge(effect, now=NOW) is None  # four restarts by four resizes
    crashed = replace(target, pods=tuple(replace(p, restarts=2) for p in pods))
    verdict = SET.judge(replace(effect, target=crashed), now=NOW)
    assert verdict is not None
    assert verdict.outcome is Reason.HARMFUL
