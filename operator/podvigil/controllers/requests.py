"""Notices RemediationRequests, by kopf's watch and by a list now and then, and works on them through a queue.

Shared by the executor and the approver: what they do with a request differs, how they come by it does not.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, NamedTuple

import kopf
import msgspec

from podvigil.api.resources import REMEDIATIONREQUESTS
from podvigil.cluster.client import Cluster
from podvigil.cluster.errors import ClusterError, Throttled
from podvigil.controllers.queue import QueueSettings, WorkQueue
from podvigil.remediate.observe.gather import Unreadable

logger = logging.getLogger(__name__)

LONGEST_RETRY_AFTER: Final = 120.0
"""A Retry-After beyond this is not believed."""

RESYNC_RETRY_SECONDS: Final = 5.0


class RequestKey(NamedTuple):
    """A RemediationRequest by name."""

    namespace: str
    name: str


class _Meta(msgspec.Struct, gc=False):
    name: str
    namespace: str


class _Status(msgspec.Struct, gc=False):
    finished: str | None = msgspec.field(name="finishedAt", default=None)


class _Spec(msgspec.Struct, gc=False):
    """What people have said. What is in it is read later. Not optional: a union of Raw and None takes neither."""

    approval: msgspec.Raw = msgspec.Raw(b"")
    cancellation: msgspec.Raw = msgspec.Raw(b"")
    rollback: msgspec.Raw = msgspec.Raw(b"")


class _Item(msgspec.Struct, gc=False):
    metadata: _Meta
    spec: _Spec
    status: _Status = msgspec.field(default_factory=_Status)

    @property
    def is_undecided(self) -> bool:
        return not (self.status.finished or self.spec.approval or self.spec.cancellation)


class _Page(msgspec.Struct, gc=False):
    items: list[_Item]


_PAGE: Final = msgspec.json.Decoder(_Page)


class RequestLoop:
    """Calls `work` for each request that something happened to, and again when `work` asks for it.

    `register` first, then `run`; kopf may run on another loop or thread.
    """

    def __init__(
        self,
        cluster: Cluster,
        work: Callable[[RequestKey], Awaitable[float | None]],
        *,
        resync_seconds: float,
        on_error: Callable[[str], None],
        on_beat: Callable[[WorkQueue[RequestKey]], None],
        queue: QueueSettings | None = None,
    ) -> None:
        """Start nothing yet.

        Args:
            work: one pass over a request; returns seconds until the next, None when nothing is due.
            resync_seconds: how often all requests are listed, so that a lost watch event is not lost work.
            on_error: told the HTTP status of an answer that cut a pass short (0: none), `unreadable`, or `bug`.
            on_beat: told the queue every few seconds.
            queue: how much is worked on at once, how failing work slows down, and how often a beat is.
        """
        self._cluster = cluster
        self._work = work
        self._resync_seconds = resync_seconds
        self._on_error = on_error
        self._on_beat = on_beat
        settings = queue or QueueSettings()
        self._beat_seconds = settings.beat_seconds
        self._queue = WorkQueue[RequestKey](settings)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._undecided: set[RequestKey] = set()
        """No more than the cluster has: what is deleted leaves with the event, or with the next list."""

    @property
    def undecided(self) -> int:
        """How many open requests nobody has decided about, as far as was noticed; each list puts it right."""
        return len(self._undecided)

    def register(self, registry: kopf.OperatorRegistry) -> None:
        """Attach the kopf handler. An event handler needs no finalizer and writes nothing into the object."""

        @kopf.on.event(
            REMEDIATIONREQUESTS.group,
            REMEDIATIONREQUESTS.version,
            REMEDIATIONREQUESTS.plural,
            registry=registry,
        )
        async def noticed(event: kopf.RawEvent, **_: Any) -> None:
            self.notice(event["object"], is_deleted=event["type"] == "DELETED")

    def notice(self, body: Mapping[str, Any], *, is_deleted: bool = False) -> None:
        """Look at this request soon. From any thread; before `run` it is ignored, since `run` lists all."""
        metadata = body["metadata"]
        key = RequestKey(metadata["namespace"], metadata["name"])
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._queue.add, key)
            is_undecided = not is_deleted and _is_undecided(body)
            count = self._undecided.add if is_undecided else self._undecided.discard
            self._loop.call_soon_threadsafe(count, key)

    async def run(self, stop: asyncio.Event, beat: Callable[[], None]) -> None:
        """Work until `stop` is set; `beat` is called every few seconds while the loop is alive.

        Raises: whatever is a bug of the loop itself, in an ExceptionGroup. A pass that fails is tried again.
        """
        self._loop = asyncio.get_running_loop()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._resync(stop))
                group.create_task(self._beat(stop, beat))
                group.create_task(
                    self._queue.run(
                        self._work,
                        stop,
                        # Whoever may create a request must not be able to end the process for all the others by
                        # one that we have a bug with: whatever a pass raises delays its own request, and is told.
                        expected=(Exception,),
                        after_error=self._after_error,
                    )
                )
        finally:
            self._loop = None

    async def _resync(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            seconds = self._resync_seconds
            undecided: set[RequestKey] = set()
            try:
                async for page in self._cluster.pages(REMEDIATIONREQUESTS):
                    for item in _PAGE.decode(page).items:
                        key = RequestKey(item.metadata.namespace, item.metadata.name)
                        # An ended request may be wanted back.
                        if item.status.finished is None or item.spec.rollback:
                            self._queue.add(key)
                        if item.is_undecided:
                            undecided.add(key)
                # In place: `notice` may hold the set already.
                self._undecided.intersection_update(undecided)
                self._undecided.update(undecided)
            except (ClusterError, msgspec.DecodeError) as error:
                logger.warning("Cannot list the requests", extra={"error": str(error)})
                seconds = RESYNC_RETRY_SECONDS
            await pause(stop, seconds)

    async def _beat(self, stop: asyncio.Event, beat: Callable[[], None]) -> None:
        while not stop.is_set():
            beat()
            self._on_beat(self._queue)
            await pause(stop, self._beat_seconds)

    def _after_error(self, key: RequestKey, error: Exception, planned: float) -> float:
        self._on_error(_word_for(error))
        seconds = planned
        if isinstance(error, Throttled) and error.retry_after is not None:
            seconds = max(planned, min(error.retry_after, LONGEST_RETRY_AFTER))
        said = {"request": f"{key.namespace}/{key.name}", "error": str(error), "retry_seconds": seconds}
        if isinstance(error, ClusterError | Unreadable):
            logger.warning("A request must wait", extra=said)
        else:
            logger.error("A bug of ours holds a request up: please report it", extra=said, exc_info=error)
        return seconds


def _word_for(error: Exception) -> str:
    """Return what cut a pass short, as a metric's label."""
    match error:
        case ClusterError():
            return str(error.status)
        case Unreadable():
            return "unreadable"
        case _:
            return "bug"


def _is_undecided(body: Mapping[str, Any]) -> bool:
    """`_Item.is_undecided`, of an object as kopf has it."""
    spec, status = body.get("spec") or {}, body.get("status") or {}
    return not (status.get("finishedAt") or spec.get("approval") or spec.get("cancellation"))


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Wait so long, or until `stop` is set."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
