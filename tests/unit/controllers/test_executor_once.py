"""Whatever is lost, killed or raced: a change is made once, a rollback takes back only our own, the end is true.

Two executors look and act in any order. Each acts on what it saw, however old; the API server's only help is
that a write with an old resourceVersion is refused, as it is in truth.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from podvigil.api.actions import ActionName
from podvigil.api.reasons import Reason
from podvigil.api.request import Preflight, RemediationRequest, RequestStatus, Reversibility
from podvigil.controllers.remediation import status
from podvigil.remediate.decide import next_step
from podvigil.remediate.observe.context import Context
from podvigil.remediate.steps import (
    BeginRollback,
    Claim,
    Conclude,
    Execute,
    Finish,
    Hold,
    RollBack,
    Settle,
    Step,
    Watch,
)
from podvigil.remediate.steps import Preflight as PreflightStep
from podvigil.remediate.steps import Record as RecordStep
from podvigil.remediate.targets.base import TOKEN
from podvigil.remediate.validation.effect import OUTCOMES
from unit.remediate.world import CLEAR, NOW, SCALE_UP, active, deployment, report, request

FOUND = Preflight(checked_at=NOW, reversibility=Reversibility.REVERSIBLE, way_back="-", past_success="-")
PASSES = 400
"""More than any request takes to its end, at ten seconds a pass."""


@dataclass
class World:
    """The request and its target as the API server keeps them, and a count of what was done to the target."""

    request: RemediationRequest
    target: Any
    now: datetime = NOW
    changes: int = 0
    rollbacks: int = 0

    def seen_by(self, executor: str) -> tuple[Context, Step]:
        seconds = (self.now - NOW).total_seconds()
        ctx = replace(
            CLEAR,
            request=self.request,
            target=self.target,
            report=report(active("True", seconds)),
            executor=executor,
        )
        return ctx, next_step(ctx, now=self.now)

    def act(self, ctx: Context, step: Step) -> None:
        """Carry out a step decided on `ctx`; what is out of date is refused."""
        match step:
            case Execute():
                self._change(ctx)
            case RollBack():
                self._roll_back(ctx)
            case _:
                self._write(ctx, _status_after(ctx, step, self.now))

    def someone_edits(self, replicas: int) -> None:
        self.target = replace(
            self.target,
            replicas=replicas,
            total=replicas,
            updated=replicas,
            ready=replicas,
            generation=self.target.generation + 1,
            observed_generation=self.target.generation + 1,
            resource_version=_next(self.target.resource_version),
        )

    def _change(self, ctx: Context) -> None:
        if ctx.target is None or ctx.target.resource_version != self.target.resource_version:
            return  # 409
        self.changes += 1
        if ctx.action == ActionName.SCALE:
            self.someone_edits(6)
        else:
            self.someone_edits(self.target.replicas)
            self.target = replace(self.target, annotations={TOKEN: ctx.uid})

    def _roll_back(self, ctx: Context) -> None:
        if ctx.target is None or ctx.target.resource_version != self.target.resource_version:
            return
        assert self.target.replicas == 6, "only a value that is ours is taken back"
        self.rollbacks += 1
        self.someone_edits(4)

    def _write(self, ctx: Context, after: RequestStatus | None) -> None:
        metadata = self.request.metadata
        if after is None or ctx.request.metadata["resourceVersion"] != metadata["resourceVersion"]:
            return
        assert self.request.status.finished_at is None, "the end is the end"
        version = _next(metadata["resourceVersion"])
        self.request = self.request.model_copy(
            update={"status": after, "metadata": {**metadata, "resourceVersion": version}}
        )


def _next(version: str) -> str:
    return str(int(version) + 1)


def _status_after(ctx: Context, step: Step, now: datetime) -> RequestStatus | None:
    draft = status.begin(ctx.request, now)
    match step:
        case PreflightStep():
            return status.preflighted(draft, FOUND).status
        case Hold():
            return status.held(draft, step).status
        case Claim():
            return status.claimed(draft, step, ctx.executor).status
        case RecordStep():
            return status.recorded(draft, ctx).status
        case Watch():
            return status.watched(draft, step, ctx).status
        case Conclude():
            return status.concluded(draft, step, ctx).status
        case BeginRollback():
            return status.rolling_back(draft, step).status
        case Settle():
            return status.settled(draft, step).status
        case Finish():
            return status.finished(draft, step).status
    return None


# `step` looks and acts at once, as mostly happens; the rest is what may come between.
COMMON = [("step", "a"), ("step", "b"), ("look", "a"), ("look", "b"), ("act", "a"), ("act", "b")]
RARE = [("die", "a"), ("die", "b"), ("wait", 1), ("wait", 10), ("wait", 31), ("edit", 7)]
MOVES = st.lists(st.sampled_from([*COMMON * 5, *RARE]), min_size=8, max_size=60)


@settings(max_examples=300)
@given(moves=MOVES, action=st.sampled_from(["Restart", "Scale"]))
def test_a_change_is_made_once(moves: list[tuple[str, Any]], action: str) -> None:
    change = SCALE_UP if action == "Scale" else {}
    world = World(request({**change, "status": None}), deployment())
    pending: dict[str, tuple[Context, Step]] = {}
    for move, what in moves:
        match move:
            case "step":
                world.act(*world.seen_by(what))
            case "look":
                pending[what] = world.seen_by(what)
            case "act" if what in pending:
                world.act(*pending[what])  # and may act on the same sight again: an answer was lost
            case "die":
                pending.pop(what, None)
            case "wait":
                world.now += timedelta(seconds=what)
            case "edit":
                world.someone_edits(what)
        assert world.changes <= 1
        assert world.rollbacks <= 1
    for _ in range(PASSES):
        if world.request.status.finished_at is not None:
            break
        world.act(*world.seen_by("a"))
        world.now += timedelta(seconds=10)
    assert world.changes <= 1
    assert _is_true(world)


def _is_true(world: World) -> bool:
    """Whether the request has ended, and its end says what happened."""
    ended = {c.type: c.reason for c in world.request.status.conditions}.get("Succeeded")
    if world.request.status.finished_at is None or ended is None:
        return False
    if ended in OUTCOMES:
        return world.changes == 1
    # Failed says that ours is not there: it may have been, before someone else came. A Restart leaves a mark.
    was_overwritten = ended == Reason.FAILED and world.request.spec.plan.action == ActionName.SCALE
    return world.changes == 0 or was_overwritten


def test_the_way_without_trouble() -> None:
    world = World(request({**SCALE_UP, "status": None}), deployment())
    steps: list[str] = []
    while world.request.status.finished_at is None:
        ctx, step = world.seen_by("a")
        if not isinstance(step, Watch) or not steps or steps[-1] != "Watch":
            steps.append(type(step).__name__)
        world.act(ctx, step)
        world.now += timedelta(seconds=10)
    assert steps == [
        "Preflight", "Claim", "Execute", "Record", "Watch", "Conclude", "BeginRollback", "RollBack", "Settle", "Finish",
    ]  # fmt: skip
    assert (world.changes, world.rollbacks, world.target.replicas) == (1, 1, 4)
