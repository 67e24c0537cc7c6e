"""What the executor does under `--dry-run`: it says what it would do, and nothing of a request is written.

A request's way is kept in its status, and a dry run keeps nothing: so no step is taken, and what would be found out
and done goes to the log.
"""

import logging
from typing import Final

from podvigil.controllers.remediation.look import look
from podvigil.controllers.remediation.ports import Ports
from podvigil.controllers.requests import RequestKey
from podvigil.remediate.decide import next_step
from podvigil.remediate.preflight import preflight

logger = logging.getLogger(__name__)

LOOK_AGAIN_SECONDS: Final = 60.0
"""As often as the preflight of an undecided request is refreshed."""


async def rehearse(key: RequestKey, ports: Ports) -> float | None:
    """Log what a request would do now; return the seconds until the next look, None when it has ended.

    Raises: ClusterError, Unreadable.
    """
    ctx = await look(key, ports)
    if ctx is None or ctx.request.status.finished_at is not None:
        return None
    now = ports.clock()
    found = await preflight(ports.cluster, ctx, now=now)
    logger.info(
        "Dry run: nothing is written",
        extra={
            "request": f"{key.namespace}/{key.name}",
            "target": ctx.written(),
            "would": f"{ctx.action}: {type(next_step(ctx, now=now)).__name__}",
            "changes": "; ".join(found.changes),
            "disturbs": found.disruption,
            "objections": "; ".join(f"{r.reason}: {r.message}" for r in found.refusals),
        },
    )
    return LOOK_AGAIN_SECONDS
