"""The one place where the parts are put together: settings in, a running operator out."""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Awaitable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import kopf
from prometheus_client import CollectorRegistry, GCCollector, Info, PlatformCollector, ProcessCollector

from podvigil import __version__
from podvigil.cluster.client import Cluster
from podvigil.cluster.connect import connect, login
from podvigil.cluster.errors import ClusterError
from podvigil.cluster.events import EventRecorder
from podvigil.controllers.approver.approver import Approver, ApproverSettings
from podvigil.controllers.lookout import Lookout
from podvigil.controllers.monitor.handlers import register as register_analyst
from podvigil.controllers.monitor.handlers import register_without_writing
from podvigil.controllers.monitor.metrics import MonitorMetrics
from podvigil.controllers.monitor.ports import Ports
from podvigil.controllers.remediation.executor import Executor
from podvigil.controllers.remediation.ports import ExecutorSettings
from podvigil.remediate.actions.registry import install as install_actions
from podvigil.serve.health import Watchdog
from podvigil.serve.server import start as start_server
from podvigil.settings import Mode, Settings

logger = logging.getLogger(__name__)

STOP_SECONDS: Final = 3.0
"""How long parts may take to end after SIGTERM; of the five seconds that are promised the HTTP server takes one."""

TICK_STALLED_SECONDS: Final = 300.0
"""A tick that takes so long hangs: the kubelet should restart us. Between ticks a monitor beats every second."""

EXECUTOR_STALLED_SECONDS: Final = 60.0

LOOKOUT_SECONDS: Final = 30.0
"""How old the analyst's look at all nodes and requests may be; taken only while something is to be proposed."""

CONNECT_EVERY_SECONDS: Final = 5.0
"""How often a start waits for an API server that does not answer yet."""


class Unwearied:
    """The waits of kopf's retries, in seconds, without an end: giving up would end the process in an outage."""

    def __iter__(self) -> Iterator[float]:
        """Begin anew, as for each request."""
        yield from (1.0, 1.0, 2.0, 3.0, 5.0)
        while True:
            yield 10.0


class StartError(Exception):
    """The operator cannot start; the message says what to mend."""


def shipped_model() -> Path:
    """Return the folder of the model that ships with this version, installed or in a checkout."""
    packaged = Path(str(files("podvigil"))) / "models"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "models"


def run(settings: Settings) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code. Raises: StartError."""
    try:
        return asyncio.run(_run(settings))
    finally:
        # Threads that wait for a slow metrics source must not hold up the end: nothing of theirs is kept.
        logging.shutdown()


async def _run(settings: Settings) -> int:
    stop = asyncio.Event()
    _listen(stop)
    metrics, watchdog = _metrics(), Watchdog()
    try:
        server = await start_server(settings.http_host, settings.http_port, watchdog, metrics)
    except OSError as error:
        raise StartError(
            f"cannot serve health and metrics on {settings.http_host}:{settings.http_port} ({error.strerror}): "
            "set http_port (PODVIGIL_HTTP_PORT) to a free port, or to 0"
        ) from error
    logger.info("Serving health and metrics", extra={"port": server.port})
    try:
        cluster = Cluster(connect(settings.kubeconfig), dry_run=settings.dry_run)
    except ClusterError as error:
        raise StartError(f"cannot reach a cluster: {error}") from error
    try:
        user = await _first_answer(cluster, watchdog, stop)
        if user is None:
            return 0
        return await _work(settings, cluster, user, metrics, watchdog, stop)
    finally:
        await server.stop()
        await cluster.aclose()
        asyncio.get_running_loop().set_exception_handler(tell_quietly)


def tell_quietly(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """At the very end the loop closes what a library left open, such as a watch; that this fails helps nobody."""
    logger.debug(
        "Left open at the end",
        extra={"what": context.get("message"), "error": repr(context.get("exception"))},
    )


async def _work(
    settings: Settings,
    cluster: Cluster,
    user: str,
    metrics: CollectorRegistry,
    watchdog: Watchdog,
    stop: asyncio.Event,
) -> int:
    """Run the parts of this mode until `stop`; a part that ends by itself ends all of them."""
    registry = kopf.OperatorRegistry()
    kopf.on.login(registry=registry)(partial(_login, settings.kubeconfig))
    instance = f"{socket.gethostname()}-{os.getpid()}"
    parts: dict[str, Awaitable[object]] = {}
    if settings.mode in (Mode.MONITORING, Mode.FULL):
        ports = _analyst_ports(settings, cluster, user, instance, metrics, watchdog)
        (register_without_writing if settings.dry_run else register_analyst)(registry, ports)
    if settings.mode in (Mode.REMEDIATION, Mode.FULL):
        install_actions()
        executor = Executor(
            cluster,
            ExecutorSettings(own_namespace=settings.operator_namespace, instance=instance),
            metrics,
        )
        executor.register(registry)
        beat = partial(watchdog.beat, "executor", EXECUTOR_STALLED_SECONDS)
        parts["executor"] = executor.run(stop, beat)
    if settings.mode is Mode.APPROVER:
        approver = Approver(
            cluster,
            ApproverSettings(own_namespace=settings.operator_namespace, instance=instance, user_name=user),
            metrics,
        )
        approver.register(registry)
        parts["approver"] = approver.run(stop, partial(watchdog.beat, "approver", EXECUTOR_STALLED_SECONDS))
    kopf_stop = asyncio.Event()
    tasks: dict[str, asyncio.Future[Any]] = {n: asyncio.ensure_future(p) for n, p in parts.items()}
    stopping = asyncio.ensure_future(stop.wait())
    # kopf ends every task that was made after its own start, and waits for it: it starts last.
    ours = asyncio.all_tasks()
    theirs = await kopf.spawn_tasks(
        registry=registry,
        settings=_kopf_settings(is_dry_run=settings.dry_run),
        standalone=True,
        clusterwide=True,
        stop_flag=kopf_stop,
    )
    _listen(stop)  # once more: kopf has put its own signal handlers in place of ours
    tasks["kopf"] = asyncio.ensure_future(kopf.run_tasks(theirs, ignored=ours))
    watchdog.started()
    logger.info("Started", extra={"mode": settings.mode.value, "user": user, "version": __version__})
    await asyncio.wait([stopping, *tasks.values()], return_when=asyncio.FIRST_COMPLETED)
    was_asked = stop.is_set()
    stop.set()
    kopf_stop.set()
    failed = await _ended(tasks)
    return 0 if was_asked and not failed else 1


async def _ended(tasks: dict[str, asyncio.Future[Any]]) -> bool:
    """Wait for the parts to end, cancel what takes too long; returns whether any of them failed."""
    _, late = await asyncio.wait(tasks.values(), timeout=STOP_SECONDS)
    for task in late:
        task.cancel()
    failed = False
    for name, task in tasks.items():
        if task in late or task.cancelled():
            logger.warning("Ended a part that took too long to stop", extra={"part": name})
        elif (error := task.exception()) is not None:
            failed = True
            logger.error("A part failed", extra={"part": name}, exc_info=error)
    return failed


async def _first_answer(cluster: Cluster, watchdog: Watchdog, stop: asyncio.Event) -> str | None:
    """Wait for the API server and return our user name; None when told to stop meanwhile."""
    while not stop.is_set():
        try:
            user = await cluster.whoami()
        except ClusterError as error:
            watchdog.block("API server", str(error))
            logger.warning("Waiting for the API server", extra={"why": str(error)})
        else:
            watchdog.unblock("API server")
            return user
        try:
            async with asyncio.timeout(CONNECT_EVERY_SECONDS):
                await stop.wait()
        except TimeoutError:
            continue
    return None


def _analyst_ports(
    settings: Settings,
    cluster: Cluster,
    user: str,
    instance: str,
    metrics: CollectorRegistry,
    watchdog: Watchdog,
) -> Ports:
    return Ports(
        cluster=cluster,
        events=EventRecorder(cluster, instance=instance, controller="podvigil.io/analyst"),
        metrics=MonitorMetrics(metrics),
        settings=settings,
        model_directory=settings.model_directory or shipped_model(),
        scorer=ThreadPoolExecutor(1, thread_name_prefix="scorer"),
        clock=lambda: datetime.now(UTC),
        beat=lambda name: watchdog.beat(f"monitor {name}", TICK_STALLED_SECONDS),
        retire=lambda name: watchdog.retire(f"monitor {name}"),
        lookout=Lookout(cluster, LOOKOUT_SECONDS),
        user_name=user,
    )


def _kopf_settings(*, is_dry_run: bool) -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False  # we publish our own events, each thing once
    # Whether a tick under way has ended is asked this often when its monitor is deleted; kopf's minute is long.
    settings.background.cancellation_polling = 1.0
    settings.networking.error_backoffs = Unwearied()
    settings.networking.connect_timeout = 5.0
    # kopf takes its finalizer off objects that need none, and a dry run's need none: it must not know the name of an
    # analyst's that is at work.
    settings.persistence.finalizer = "podvigil.io/dry-run" if is_dry_run else "podvigil.io/finalizer"
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix="podvigil.io")
    settings.persistence.diffbase_storage = kopf.AnnotationsDiffBaseStorage(prefix="podvigil.io")
    return settings


def _login(kubeconfig: Path | None, **_: object) -> kopf.ConnectionInfo:
    return login(kubeconfig)


def _metrics() -> CollectorRegistry:
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    Info("podvigil_build", "Version of the operator.", registry=registry).info({"version": __version__})
    return registry


def _listen(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stopping, stop, number)


def _stopping(stop: asyncio.Event, number: int) -> None:
    logger.info("Stopping", extra={"signal": signal.Signals(number).name})
    stop.set()
