"""A story's namespace, report and request on the control plane: to read, to speak of, to wait for."""

import itertools
import json
import re
import time
from collections.abc import Callable
from typing import Final

from localcluster.controlplane import ControlPlane
from localcluster.errors import LocalClusterError
from localcluster.process import POLL_SECONDS, wait_until
from podvigil.api.monitor import AnomalyMonitor
from shop import ANALYST, SYSTEM, Json, Shop
from stories.analyst import judgement
from stories.model import Scenario, filled

JUDGED_AGAIN_SECONDS: Final = 45.0
"""The analyst says the same again while a story waits: a report that is two minutes old says nothing any more."""

_numbers = itertools.count(1)


class Stage:
    """The place of one scenario, in a namespace of its own."""

    def __init__(
        self,
        cluster: ControlPlane,
        scenario: Scenario,
        patience_seconds: float = 90,
        *,
        every_seconds: float = POLL_SECONDS,
    ) -> None:
        """Make nothing yet.

        Args:
            patience_seconds: for each thing that is waited for; an executor that is killed again and again is slow.
            every_seconds: how often it is looked whether it is there.
        """
        self._written: Final = scenario
        self._patience: Final = patience_seconds
        self._every: Final = every_seconds
        self._cluster: Final = cluster
        self._namespace: Final = f"story-{next(_numbers)}"
        self._report = ""
        self._request: str | None = None
        self._judged: tuple[str, float] = ("", 0.0)
        """What the analyst said last, and when: monotonic seconds."""

    @property
    def marks(self) -> str:
        """A regular expression for the paths of calls about this story's objects."""
        names = (self._namespace, *self._written.world.nodes)
        return "|".join(rf"{re.escape(name)}(?![0-9])" for name in names)

    def _open(self) -> None:
        whole = filled(self._written.model_dump(by_alias=True), self._namespace)
        self._scenario = Scenario.model_validate(whole)
        self._cluster.kubectl("create", "namespace", self._namespace)
        self._shop = Shop(self._cluster, self._namespace)

    def _apply(self, body: Json) -> None:
        metadata = {"namespace": self._namespace, **body["metadata"]}
        self._shop.apply({**body, "metadata": metadata})

    def _judge(self, how: str, *, first_seen: str | None = None) -> None:
        self._judged = (how, time.monotonic())
        fault = self._scenario.fault
        status = judgement(fault, how, self._pods(fault.name)[: fault.named] if fault.named else [])
        if first_seen is not None:
            status["firstSeen"] = first_seen
        patch = (
            "patch",
            "anomalyreport",
            self._report,
            f"--namespace={self._where()}",
            "--subresource=status",
        )
        self._cluster.kubectl(*patch, "--type=merge", "-p", json.dumps({"status": status}), user=ANALYST)

    def _say(self, spec: Json, user: str, *, check: bool = True) -> str:
        patch = ("patch", "remreq", str(self._request), f"--namespace={self._where()}", "--type=merge", "-p")
        return self._cluster.kubectl(*patch, json.dumps({"spec": spec}), user=user, check=check).stderr

    def _break(self, pod: str) -> None:
        """Let it fail its readiness probe; the simulated kubelet leaves it so."""
        body = {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}
        flags = ("--type=strategic", "--subresource=status", "-p", json.dumps(body))
        self._shop.kubectl("patch", "pod", pod, *flags)

    def _monitor(self) -> AnomalyMonitor:
        return AnomalyMonitor.model_validate(self._shop.get("anmon", self._shop.monitor))

    def _where(self) -> str:
        return SYSTEM if self._scenario.fault.kind == "Node" else self._namespace

    def _pods(self, workload: str) -> list[str]:
        listed = self._shop.kubectl("get", "pods", f"-l=app={workload}", "-o", "name")
        return [line.removeprefix("pod/") for line in sorted(listed.split())]

    def _read_request(self) -> Json:
        path = f"/apis/podvigil.io/v1alpha1/namespaces/{self._where()}/remediationrequests/{self._request}"
        return self._cluster.read(path)

    def _status(self) -> Json:
        status: Json = self._read_request().get("status") or {}
        return status

    def _conditions(self) -> dict[str, str]:
        return {c["type"]: f"{c['status']} {c['reason']}" for c in self._status().get("conditions", ())}

    def _read(self, what: str) -> Json:
        kind, name = what.split("/")
        if kind == "node":
            return self._cluster.read(f"/api/v1/nodes/{name}")
        return self._shop.get(kind, name)

    def _is_there(self, what: str) -> bool:
        try:
            self._read(what)
        except LocalClusterError:
            return False
        return True

    def _until(
        self,
        holds: Callable[[], bool],
        what: str,
        found: Callable[[], str] | None = None,
    ) -> None:
        def is_due() -> bool:
            how, at = self._judged
            if how and time.monotonic() - at > JUDGED_AGAIN_SECONDS:
                self._judge(how)
            return holds()

        try:
            wait_until(is_due, what, deadline_seconds=self._patience, every_seconds=self._every)
        except LocalClusterError as error:
            raise AssertionError(f"{error}" + (f"; found {found()}" if found else "")) from error
