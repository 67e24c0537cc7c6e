"""The kopf handler of RemediationRequests: it notices, and does nothing else."""

from collections.abc import Callable
from typing import Any

import kopf

from podvigil.api.resources import REMEDIATIONREQUESTS
from podvigil.controllers.remediation.ports import RequestKey


def register(registry: kopf.OperatorRegistry, notice: Callable[[RequestKey], None]) -> None:
    """Attach the handler; `notice` is called on kopf's thread, whichever that is.

    An event handler needs no finalizer and writes nothing of kopf's own into the object.
    """

    @kopf.on.event(
        REMEDIATIONREQUESTS.group, REMEDIATIONREQUESTS.version, REMEDIATIONREQUESTS.plural, registry=registry
    )
    async def noticed(namespace: str | None, name: str | None, **_: Any) -> None:
        if namespace and name:
            notice(RequestKey(namespace, name))
