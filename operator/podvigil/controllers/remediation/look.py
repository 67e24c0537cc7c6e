"""One look at a request and all it is about, with what the executor knows of the cluster."""

from podvigil.controllers.remediation.ports import Ports
from podvigil.controllers.requests import RequestKey
from podvigil.remediate.observe.context import Context
from podvigil.remediate.observe.gather import gather


async def look(key: RequestKey, ports: Ports) -> Context | None:
    """Return what a decision needs; None when the request is gone. Raises: ClusterError, Unreadable."""
    return await gather(
        ports.cluster,
        key.namespace,
        key.name,
        gate=ports.gatekeeper.gate,
        surroundings=await ports.lookout.look(),
        own_namespace=ports.settings.own_namespace,
        executor=ports.settings.instance,
    )
