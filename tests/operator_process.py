"""`podvigil run` as a process under its own ServiceAccount, and what a person or a scraper sees of it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import requests
from prometheus_client.parser import text_string_to_metric_families

from localcluster.controlplane import ControlPlane
from localcluster.process import Process, free_port, http_ok, wait_until
from shop import ANALYST, EXECUTOR, ROOT, SYSTEM

STOP_SECONDS: Final = 30.0
"""After SIGTERM: the operator ends its parts in three seconds and says when one was late; a busy machine is slow."""

READ_SECONDS: Final = 60.0

DEADLINE_SECONDS: Final = 90.0
"""For anything that the tests wait for; a busy machine is slow, and a failure costs this much."""

ACCOUNTS: Final = {"monitoring": ANALYST, "remediation": EXECUTOR}
GROUP: Final = "/apis/podvigil.io/v1alpha1"

Json = dict[str, Any]


def environment(**settings: str) -> dict[str, str]:
    """Return the environment of a process that sees only these settings of ours, and the sources."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PODVIGIL_", "KUBECONFIG"))}
    ours = {f"PODVIGIL_{key.upper()}": value for key, value in settings.items()}
    paths = {"PYTHONPATH": str(ROOT / "operator"), "PYTHONSAFEPATH": "1", "OPENBLAS_NUM_THREADS": "1"}
    return clean | paths | {"POD_NAMESPACE": SYSTEM, "PODVIGIL_HTTP_HOST": "127.0.0.1"} | ours


def run_once(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run `podvigil …` until it ends by itself."""
    command = [sys.executable, "-m", "podvigil", *arguments]
    return subprocess.run(
        command,
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )


class OperatorProcess:
    """One process. Other keyword arguments are settings."""

    def __init__(
        self,
        cluster: ControlPlane,
        folder: Path,
        mode: str = "monitoring",
        *,
        until: str = "/readyz",
        **settings: str,
    ) -> None:
        """`until`: the probe that says it has started."""
        self.port: Final = free_port()
        self._until: Final = until
        self.log: Final = folder / f"podvigil-{mode}-{self.port}.log"
        command = [sys.executable, "-m", "podvigil", "run", "--mode", mode]
        wanted = {"kubeconfig": str(cluster.kubeconfig(ACCOUNTS[mode])), "http_port": str(self.port)}
        # environ of this process would otherwise come back under `env`.
        unset = ("KUBECONFIG", "PROMETHEUS_URL", "ANOMALY_THRESHOLD")
        env = dict.fromkeys(unset, "") | environment(**(wanted | settings))
        self._process = Process(f"podvigil-{mode}", command, log=self.log, env=env)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.stop(grace_seconds=STOP_SECONDS)

    def start(self) -> None:
        """Start it and wait until it is ready."""
        probe = http_ok(f"http://127.0.0.1:{self.port}{self._until}")
        self._process.start(probe, deadline_seconds=DEADLINE_SECONDS)

    def stop(self) -> int | None:
        """SIGTERM; returns the exit status, -9 when it did not end."""
        return self._process.stop(grace_seconds=STOP_SECONDS)

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return self._process.pid is not None

    @property
    def log_text(self) -> str:
        """All that it logged."""
        return self.log.read_text(errors="replace")

    def probe(self, path: str = "/healthz") -> int:
        """The status that a probe gets."""
        return requests.get(f"http://127.0.0.1:{self.port}{path}", timeout=READ_SECONDS).status_code

    def metric(self, name: str, **labels: str) -> float:
        """The sum of the samples that have these labels; 0 when there is none."""
        text = requests.get(f"http://127.0.0.1:{self.port}/metrics", timeout=READ_SECONDS).text
        samples = (s for family in text_string_to_metric_families(text) for s in family.samples)
        return sum(s.value for s in samples if s.name == name and labels.items() <= s.labels.items())


class Api:
    """Reads objects as admin without starting a kubectl each time."""

    def __init__(self, cluster: ControlPlane) -> None:
        self.cluster = cluster
        self._session = requests.Session()
        self._session.trust_env = False  # a CA bundle of the environment would win over ours
        self._session.verify = str(cluster.ca_file)
        self._session.headers["Authorization"] = f"Bearer {cluster.token('admin')}"

    def get(self, path: str) -> Json:
        """Read an object or a list; an empty object when there is none."""
        answer = self._session.get(self.cluster.url + path, timeout=READ_SECONDS)
        if answer.status_code == requests.codes.not_found:
            return {}
        answer.raise_for_status()
        found: Json = answer.json()
        return found

    def items(self, plural: str, namespace: str) -> list[Json]:
        """List the objects of one of our kinds."""
        return list(self.get(f"{GROUP}/namespaces/{namespace}/{plural}")["items"])

    def monitor(self, name: str) -> Json:
        """Read a monitor."""
        return self.get(f"{GROUP}/anomalymonitors/{name}")

    def report(self, namespace: str, signal: str) -> Json:
        """Return the report with this signal; an empty object when there is none."""
        found = (r for r in self.items("anomalyreports", namespace) if r["spec"]["signal"] == signal)
        return next(found, {})

    def events_about(self, name: str) -> dict[str, str]:
        """Messages by reason of the events about a cluster-scoped object."""
        events = self.get("/apis/events.k8s.io/v1/namespaces/default/events")["items"]
        return {e["reason"]: e["note"] for e in events if e["regarding"]["name"] == name}

    def until(self, holds: Callable[[], bool], what: str, seconds: float = DEADLINE_SECONDS) -> None:
        """Wait for something, for a bounded time."""
        wait_until(holds, what, deadline_seconds=seconds)

    def wait_monitor(self, name: str, kind: str, value: str) -> str:
        """Wait until a monitor's condition is `status reason`; returns its message."""
        self.until(
            lambda: condition(self.monitor(name), kind).startswith(value), f"monitor {name}: {kind}={value}"
        )
        return message(self.monitor(name), kind)


def apply_monitor(cluster: ControlPlane, name: str, spec: Json, prometheus_url: str) -> None:
    """Create or change a monitor that asks this Prometheus, as often as tests scrape."""
    sources = {"prometheus": {"scrapeInterval": "2s", "timeout": "3s", "url": prometheus_url}}
    body = {
        "apiVersion": "podvigil.io/v1alpha1",
        "kind": "AnomalyMonitor",
        "metadata": {"name": name},
        "spec": spec | {"sources": sources},
    }
    cluster.kubectl("apply", "-f", "-", input=json.dumps(body))


def condition(body: Json, kind: str) -> str:
    """Return a condition as `status reason`; empty when it is not there."""
    found = _condition(body, kind)
    return f"{found['status']} {found['reason']}" if found else ""


def message(body: Json, kind: str) -> str:
    """Return a condition's message."""
    return str(_condition(body, kind).get("message", ""))


def _condition(body: Json, kind: str) -> Json:
    conditions = body.get("status", {}).get("conditions", ())
    return next((c for c in conditions if c["type"] == kind), {})
