"""One pass over one request: gather, decide, carry out the one step that was decided."""

import logging
from dataclasses import replace
from datetime import timedelta
from typing import Final

from podvigil.api.reasons import Reason
from podvigil.api.request import RemediationRequest
from podvigil.cluster.errors import BadRequest, Forbidden, Invalid
from podvigil.controllers.remediation import events, status
from podvigil.controllers.remediation.look import look
from podvigil.controllers.remediation.ports import Ports
from podvigil.controllers.requests import RequestKey
from podvigil.remediate import preflight
from podvigil.remediate.actions import ACTIONS
from podvigil.remediate.actions.base import Change
from podvigil.remediate.decide import next_step
from podvigil.remediate.observe.context import Context
from podvigil.remediate.steps import (
    BeginRollback,
    Claim,
    Conclude,
    Execute,
    Finish,
    GiveUp,
    Hold,
    Idle,
    Preflight,
    Record,
    Rehearse,
    RollBack,
    Settle,
    Step,
    Wait,
    Watch,
)
from podvigil.remediate.targets.base import TargetState

logger = logging.getLogger(__name__)

AT_ONCE: Final = 0.0
"""The next step follows from what the last one wrote."""

PREFLIGHT_SHOWN_SECONDS: Final = 300.0
"""An unchanged preflight is written anew only this often."""

LONGEST_WAIT: Final = timedelta(seconds=60)
"""Whatever is waited for, changes that no event tells of are seen within it."""


async def reconcile(key: RequestKey, ports: Ports) -> float | None:
    """Take one step; return the seconds until the next look, None when the request has ended.

    Raises: ClusterError when the API server does not let us; Unreadable. Both: later again.
    """
    ctx = await look(key, ports)
    if ctx is None:
        return None
    now = ports.clock()
    step = next_step(ctx, now=now)
    # The last looks may be a minute old: look now, and decide again.
    if isinstance(step, Claim):
        async with ports.lookout.claiming:
            gate, around = await ports.gatekeeper.look(key.namespace), await ports.lookout.look(fresh=True)
            ctx = replace(ctx, gate=gate, surroundings=around)
            return await _take(next_step(ctx, now=now), ctx, status.begin(ctx.request, now), ports)
    if isinstance(step, Execute):
        ctx = replace(ctx, gate=await ports.gatekeeper.look(key.namespace))
        step = next_step(ctx, now=now)
    return await _take(step, ctx, status.begin(ctx.request, now), ports)


async def _take(  # noqa: PLR0912 - one case for each step
    step: Step, ctx: Context, draft: status.Draft, ports: Ports
) -> float | None:
    match step:
        case Idle():
            return None
        case Wait(after):
            await _write_if_changed(ctx, draft, ports)
            return _seconds(after)
        case Preflight():
            return await _preflight(ctx, draft, ports)
        case Hold(refusal, after):
            if await _write_if_changed(ctx, status.held(draft, step), ports):
                await say(ports, events.held_back(ctx.request, refusal))
                ports.metrics.refusals.labels(refusal.reason.value).inc()
            return _seconds(after)
        case Claim(change):
            await status.write_status(ports.cluster, status.claimed(draft, step, ports.settings.instance))
            await say(
                ports, events.executing(ctx.request, f"{ctx.action} {ctx.written()}: {_written(change)}")
            )
            return AT_ONCE
        case Execute():
            return await _execute(step, ctx, draft, ports)
        case GiveUp():
            return await _give_up(step, ctx, draft, ports)
        case Rehearse():
            await _rehearse(ctx, draft, ports)
            return None
        case Record():
            await status.write_status(ports.cluster, status.recorded(draft, ctx))
            await say(ports, events.executed(ctx.request, f"{ctx.action} {ctx.written()} was made"))
            ports.metrics.changes.labels(ctx.action).inc()
            return AT_ONCE
        case Watch(_, after):
            await _write_if_changed(ctx, status.watched(draft, step, ctx), ports)
            return _seconds(after)
        case Conclude():
            await status.write_status(ports.cluster, status.concluded(draft, step, ctx))
            await say(ports, events.concluded(ctx.request, step))
            return AT_ONCE
        case BeginRollback():
            await status.write_status(ports.cluster, status.rolling_back(draft, step))
            return AT_ONCE
        case RollBack(change):
            return await _roll_back(change, ctx, draft, ports)
        case Settle():
            return await _settle(step, ctx, draft, ports)
        case Finish():
            await finish(step, draft, ports)
            return None


async def _preflight(ctx: Context, draft: status.Draft, ports: Ports) -> float:
    found = await preflight.preflight(ports.cluster, ctx, now=draft.now)
    shown = status.preflighted(draft, found)
    is_first = ctx.request.status.preflight is None
    if status.is_worth_writing(ctx.request.status, shown.status, seconds=PREFLIGHT_SHOWN_SECONDS):
        await status.write_status(ports.cluster, shown)
    if is_first:
        passed, reason = not found.refusals, Reason.PREFLIGHT_PASSED
        message = found.disruption or "no pod is disturbed"
        if found.refusals:
            reason, message = Reason(found.refusals[0].reason), found.refusals[0].message
        await say(ports, events.preflight_done(ctx.request, passed=passed, reason=reason, message=message))
    if ctx.decision is not None:
        return AT_ONCE
    return max(AT_ONCE, _seconds(ctx.plan.expires_at - draft.now))


async def _execute(step: Execute, ctx: Context, draft: status.Draft, ports: Ports) -> float | None:
    target, change = _target(ctx), step.change
    logger.info(
        "Changing a target", extra=_about(ctx.request) | {"target": ctx.written(), "after": change.after}
    )
    try:
        made = await ACTIONS[ctx.action].execute(ports.cluster, target, ctx.plan, change)
    except (BadRequest, Forbidden, Invalid) as error:
        # It will say the same again. Anything else (409, 429, 5xx, no answer): look again, then maybe retry.
        if step.is_begun:
            return await _give_up(GiveUp(Reason.API_SERVER_REFUSED, str(error)), ctx, draft, ports)
        refused = Finish(Reason.REFUSED, Reason.API_SERVER_REFUSED, str(error)[:1000])
        await finish(refused, draft, ports)
        return None
    if made.stop is not None:
        return await _give_up(GiveUp(made.stop.reason, made.stop.message), ctx, draft, ports)
    if made.progress is not None:
        await _write_if_changed(ctx, status.advanced(draft, made.progress), ports)
    return _seconds(made.again)


async def _give_up(step: GiveUp, ctx: Context, draft: status.Draft, ports: Ports) -> float:
    await status.write_status(ports.cluster, status.given_up(draft, step))
    await say(ports, events.given_up(ctx.request, step))
    return AT_ONCE


async def _rehearse(ctx: Context, draft: status.Draft, ports: Ports) -> None:
    found = await preflight.rehearse(ports.cluster, ctx, now=draft.now)
    if found.refusals:
        end = Finish(Reason.REFUSED, found.refusals[0].reason, found.refusals[0].message)
    else:
        said = f"only a dry run was asked for; the API server accepts {'; '.join(found.changes)}"
        end = Finish(Reason.DRY_RUN_ONLY, Reason.DRY_RUN_ONLY, said[:1000])
    await finish(end, draft, ports)


async def _roll_back(change: Change, ctx: Context, draft: status.Draft, ports: Ports) -> float | None:
    target = _target(ctx)
    logger.info(
        "Rolling back", extra=_about(ctx.request) | {"target": ctx.written(), "before": change.before}
    )
    try:
        await ACTIONS[ctx.action].rollback(ports.cluster, target, ctx.plan, change)
    except (BadRequest, Forbidden, Invalid) as error:
        failed = Settle(
            False, Reason.ROLLBACK_FAILED, f"could not be put back, do it by hand: {error}"[:1000]
        )
        return await _settle(failed, ctx, draft, ports)
    return AT_ONCE


async def _settle(step: Settle, ctx: Context, draft: status.Draft, ports: Ports) -> float:
    await status.write_status(ports.cluster, status.settled(draft, step))
    await say(ports, events.settled(ctx.request, step))
    ports.metrics.rollbacks.labels(ctx.action, step.reason.value).inc()
    return AT_ONCE


async def finish(step: Finish, draft: status.Draft, ports: Ports) -> None:
    """End the request, and say so. Raises: ClusterError."""
    request, action = draft.request, draft.request.spec.plan.action
    await status.write_status(ports.cluster, status.finished(draft, step))
    await say(ports, events.finished(request, step))
    ports.metrics.finished.labels(action, step.outcome.value).inc()
    if step.outcome is Reason.REFUSED:
        ports.metrics.refusals.labels(step.reason.value).inc()
    logger.info(
        "A request has ended",
        extra=_about(request) | {"outcome": step.outcome.value, "detail": step.message},
    )


async def _write_if_changed(ctx: Context, draft: status.Draft, ports: Ports) -> bool:
    if draft.status == ctx.request.status:
        return False
    await status.write_status(ports.cluster, draft)
    return True


async def say(ports: Ports, said: events.Said) -> None:
    """Publish an event; the same reason is not repeated for a while."""
    await ports.events.publish(said.about, said.type, said.reason.value, said.message, dedupe=said.reason)


def _target(ctx: Context) -> TargetState:
    if ctx.target is None:
        raise ValueError("no step changes a target that is not there")
    return ctx.target


def _written(change: Change) -> str:
    return ", ".join(
        f"{name} {change.before.get(name) or '(none)'} → {value}" for name, value in change.after.items()
    )


def _about(request: RemediationRequest) -> dict[str, str]:
    return {"request": f"{request.metadata['namespace']}/{request.metadata['name']}"}


def _seconds(after: timedelta) -> float:
    return min(after, LONGEST_WAIT).total_seconds()
