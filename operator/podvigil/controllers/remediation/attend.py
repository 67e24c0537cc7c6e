"""One pass over one request, and a word to the request when the pass is cut short."""

import logging
from datetime import datetime

from podvigil.api.request import RemediationRequest
from podvigil.api.resources import REMEDIATIONREQUESTS
from podvigil.cluster.errors import ClusterError
from podvigil.controllers.remediation import events, status
from podvigil.controllers.remediation.ports import Ports
from podvigil.controllers.remediation.reconcile import finish, reconcile, say
from podvigil.controllers.requests import RequestKey
from podvigil.remediate.observe.gather import Unreadable, read
from podvigil.remediate.steps import Finish
from podvigil.remediate.unseen import while_unseen

logger = logging.getLogger(__name__)


async def attend(key: RequestKey, ports: Ports) -> float | None:
    """Take one step; return the seconds until the next look, None when the request has ended.

    Raises: ClusterError, Unreadable: the pass was cut short, and the request has been told if it was worth a word.
    """
    try:
        again = await reconcile(key, ports)
    except (ClusterError, Unreadable) as error:
        if await _is_over(key, error, ports):
            ports.failing.over(key)
            return None
        raise
    ports.failing.over(key)
    return again


async def _is_over(key: RequestKey, error: ClusterError | Unreadable, ports: Ports) -> bool:
    """Tell the request what is wrong; return whether it has ended all the same, or is gone."""
    now = ports.clock()
    try:
        found = await ports.cluster.find(REMEDIATIONREQUESTS, key.name, key.namespace)
        return found is None or await _tell(read(RemediationRequest, found), key, error, now, ports)
    except (ClusterError, Unreadable) as second:
        logger.info(
            "Cannot tell a request why it waits",
            extra={"request": f"{key.namespace}/{key.name}", "error": str(second)},
        )
        return False


async def _tell(
    request: RemediationRequest,
    key: RequestKey,
    error: ClusterError | Unreadable,
    now: datetime,
    ports: Ports,
) -> bool:
    verdict = while_unseen(
        request,
        error,
        lasted=now - ports.failing.since(key, now),
        own_namespace=ports.settings.own_namespace,
        executor=ports.settings.instance,
        now=now,
    )
    if verdict is None:
        return False
    draft = status.begin(request, now)
    if isinstance(verdict, Finish):
        await finish(verdict, draft, ports)
        return True
    shown = status.unseen(draft, verdict)
    if shown.status != request.status:
        await status.write_status(ports.cluster, shown)
        await say(ports, events.held_back(request, verdict))
        ports.metrics.refusals.labels(verdict.reason.value).inc()
    return False
