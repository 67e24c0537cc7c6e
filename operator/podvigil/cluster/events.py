"""Events: what a person sees under an object with `kubectl describe`, each thing said once.

Saying it must never stop the work: a refused event is a log line.
"""

import logging
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from podvigil.api.resources import EVENTS, ObjectRef
from podvigil.cluster.client import Cluster, Json
from podvigil.cluster.errors import ClusterError

logger = logging.getLogger(__name__)

REPEAT_SECONDS: Final = 600.0
"""The same thing is not said again for this long; events live for an hour by default."""

REMEMBERED: Final = 4_096
"""Things remembered as said. Beyond this the oldest is forgotten and may be repeated."""

_NOTE_BYTES: Final = 1_024  # the API server's bound on `note`
_NAME_BYTES: Final = 253 - 1 - 16  # a DNS subdomain, less a dot and our suffix


class EventType(StrEnum):
    """The two the API server knows."""

    NORMAL = "Normal"
    WARNING = "Warning"


class EventRecorder:
    """Writes events under the name of one process, and remembers what it said lately."""

    def __init__(
        self,
        cluster: Cluster,
        *,
        instance: str,
        controller: str = "podvigil.io/operator",
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`instance` names the process (its pod's name); `clock` gives Unix seconds."""
        self._cluster = cluster
        self._instance = instance
        self._controller = controller
        self._clock = clock
        self._said: OrderedDict[Hashable, float] = OrderedDict()

    async def publish(
        self,
        about: ObjectRef,
        type_: EventType,
        reason: str,
        message: str,
        *,
        dedupe: Hashable | None = None,
        action: str | None = None,
    ) -> bool:
        """Say it, unless the same was said within ten minutes; False when it was not written.

        The same is: the same object, reason and `dedupe` (by default the message). A failed write
        is logged and forgotten, so that the next occasion tries again.
        """
        now = self._clock()
        key = (about.uid or str(about), reason, message if dedupe is None else dedupe)
        if not self._is_new(key, now):
            return False
        body = _event(about, type_, reason, message, action or reason, now, self._controller, self._instance)
        try:
            await self._cluster.create(EVENTS, body, body["metadata"]["namespace"])
        except ClusterError as error:
            self._said.pop(key, None)
            logger.warning(
                "Cannot write an event", extra={"about": str(about), "reason": reason, "error": str(error)}
            )
            return False
        return True

    def _is_new(self, key: Hashable, now: float) -> bool:
        said = self._said.get(key)
        if said is not None and now - said < REPEAT_SECONDS:
            return False
        self._said[key] = now
        self._said.move_to_end(key)
        if len(self._said) > REMEMBERED:
            self._said.popitem(last=False)
        return True


def _event(
    about: ObjectRef,
    type_: EventType,
    reason: str,
    message: str,
    action: str,
    now: float,
    controller: str,
    instance: str,
) -> Json:
    regarding = {"apiVersion": about.api_version, "kind": about.kind, "name": about.name}
    if about.namespace:
        regarding["namespace"] = about.namespace
    if about.uid:
        regarding["uid"] = about.uid
    return {
        "apiVersion": EVENTS.api_version,
        "kind": EVENTS.kind,
        "metadata": {
            "name": f"{about.name[:_NAME_BYTES].rstrip('.-')}.{secrets.token_hex(8)}",
            # Events of cluster-scoped objects live in `default`, as kubectl looks for them there.
            "namespace": about.namespace or "default",
        },
        "eventTime": datetime.fromtimestamp(now, UTC)
        .isoformat(timespec="microseconds")
        .replace("+00:00", "Z"),
        "type": str(type_),
        "reason": reason[:128],
        "action": action[:128],
        "note": _bounded(message, _NOTE_BYTES),
        "regarding": regarding,
        "reportingController": controller,
        "reportingInstance": instance[:128],
    }


def _bounded(text: str, size: int) -> str:
    raw = text.encode()
    return text if len(raw) <= size else raw[: size - 3].decode(errors="ignore") + "…"
