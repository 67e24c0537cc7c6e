"""What the executor is made of and how it is set, put together once."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from podvigil.cluster.client import Cluster
from podvigil.cluster.events import EventRecorder
from podvigil.controllers.lookout import Lookout
from podvigil.controllers.queue import QueueSettings
from podvigil.controllers.remediation.failing import Failing
from podvigil.controllers.remediation.gatekeeper import Gatekeeper
from podvigil.controllers.remediation.metrics import ExecutorMetrics


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorSettings:
    """How the executor runs."""

    own_namespace: str
    """Where this process runs: nothing is changed there, and the gate is tried there by a dry run."""
    instance: str
    """Name of this process, unique among executors that run side by side. Who starts again under its name (a container
    in its pod) goes on with its claims at once; under a new one it takes them over when they are old enough."""
    resync_seconds: float = 300.0
    """How often all requests are listed, so that a lost watch event is not lost work."""
    lookout_seconds: float = 30.0
    """How old the nodes and the latest changes may be that are shown before a decision; before a change they
    are looked at anew."""
    gate_check_seconds: float = 60.0
    """How often the standing gate is looked at anew; it is looked at before each execution besides."""
    gate_retry_seconds: float = 5.0
    """The same while it does not stand: policies take effect seconds after a person applies them."""
    queue: QueueSettings = field(default_factory=QueueSettings)
    """How many requests are worked on at once, and how soon one is tried again that the API server cut short."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The collaborators of one pass."""

    cluster: Cluster
    gatekeeper: Gatekeeper
    lookout: Lookout
    events: EventRecorder
    metrics: ExecutorMetrics
    settings: ExecutorSettings
    clock: Callable[[], datetime]
    failing: Failing = field(default_factory=Failing)
