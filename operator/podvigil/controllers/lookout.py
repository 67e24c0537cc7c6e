"""Looks at the whole cluster for the guards that ask about it: seldom, and for all requests at once."""

import asyncio
import math
import time
from dataclasses import replace
from typing import Final

import msgspec

from podvigil.api.resources import NODES, REMEDIATIONREQUESTS, Resource
from podvigil.cluster.client import Cluster
from podvigil.cluster.errors import ClusterError
from podvigil.remediate.observe.surroundings import NOTHING_AROUND, Surroundings, read_changes, read_nodes


class Lookout:
    """Keeps the last look: two lists (nodes, requests) now and then, however many requests there are."""

    def __init__(self, cluster: Cluster, max_age_seconds: float) -> None:
        self._cluster = cluster
        self._max_age: Final = max_age_seconds
        self._looking = asyncio.Lock()
        self._seen = NOTHING_AROUND
        self._seen_at = -math.inf
        """Monotonic seconds."""
        self.claiming = asyncio.Lock()
        """Held while a change is counted and claimed: else several at once would find the same room in the hour.
        Executors in other processes are not held back; each can exceed the hour's budget by one."""

    async def look(self, *, fresh: bool = False) -> Surroundings:
        """Return what goes on in the cluster. Raises: ClusterError."""
        async with self._looking:
            if fresh or time.monotonic() - self._seen_at >= self._max_age:
                nodes, requests = await asyncio.gather(self._list(NODES), self._list(REMEDIATIONREQUESTS))
                try:
                    self._seen = replace(read_nodes(nodes), changes=read_changes(requests))
                except msgspec.DecodeError as error:
                    raise ClusterError(200, "NotAList", str(error), call="list nodes and requests") from error
                self._seen_at = time.monotonic()
            return self._seen

    async def _list(self, resource: Resource) -> list[bytes]:
        return [page async for page in self._cluster.pages(resource)]
