"""What the analyst's parts work with, put together once in `app`."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from podvigil.cluster.client import Cluster
from podvigil.cluster.events import EventRecorder
from podvigil.controllers.lookout import Lookout
from podvigil.controllers.monitor.metrics import MonitorMetrics
from podvigil.settings import Settings


@dataclass(frozen=True, slots=True)
class Ports:
    """The outside world of the analyst."""

    cluster: Cluster
    events: EventRecorder
    metrics: MonitorMetrics
    settings: Settings
    model_directory: Path
    scorer: ThreadPoolExecutor
    """The one thread that scores: numpy on the event loop would hold up every watch."""
    clock: Callable[[], datetime]
    beat: Callable[[str], None]
    """Tells the watchdog that this monitor's tick ended, or that none is due."""
    retire: Callable[[str], None]
    """Tells the watchdog that this monitor is gone."""
    lookout: Lookout
    """Looks at the whole cluster, for the proposals of all monitors at once."""
    user_name: str
    """Our own name, as the API server knows us: what `requestedBy` must say."""
