"""The outside world of an analyst in a test: an API server, a watchdog, and a clock that the test turns."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

from prometheus_client import CollectorRegistry

from podvigil.app import TICK_STALLED_SECONDS
from podvigil.cluster.client import Cluster
from podvigil.cluster.events import EventRecorder
from podvigil.controllers.lookout import Lookout
from podvigil.controllers.monitor.metrics import MonitorMetrics
from podvigil.controllers.monitor.ports import Ports
from podvigil.serve.health import Watchdog
from podvigil.settings import Settings


def ports_of(cluster: Cluster, watchdog: Watchdog, clock: Callable[[], datetime]) -> Ports:
    """Put them together as the app does."""
    return Ports(
        cluster=cluster,
        events=EventRecorder(cluster, instance="test", controller="podvigil.io/analyst"),
        metrics=MonitorMetrics(CollectorRegistry()),
        settings=Settings(),
        model_directory=Path(),
        scorer=ThreadPoolExecutor(1),
        clock=clock,
        beat=lambda name: watchdog.beat(name, TICK_STALLED_SECONDS),
        retire=watchdog.retire,
        lookout=Lookout(cluster, 0.0),
        user_name="analyst",
    )
