"""A story that may end otherwise than its file says: it is played as far as it goes, and what became of it is told."""

import contextlib
import itertools
import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Final

from faults.truth import Done, Told, done
from localcluster.controlplane import ControlPlane
from shop import Shop
from stories.calls import told, writes
from stories.model import Scenario
from stories.play import Play

Json = dict[str, Any]

PATIENCE_SECONDS: Final = 400.0
"""For each wait of a story: hundreds of calls fail on its way."""

LOOK_SECONDS: Final = 0.3
"""Between two looks at the request: eight stories that look twenty times a second each take a processor for it."""

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Ending:
    """What became of a story."""

    told: Told
    done: Done
    calls: tuple[str, ...]
    """As a scenario file tells them."""
    messages: tuple[str, ...]
    """Of the conditions, for whoever reads a failure."""

    def __str__(self) -> str:
        said = "\n".join(f"  {message}" for message in self.messages)
        return f"calls {list(self.calls)}, {self.done}, progress {self.told.done}; it says\n{said}"


class Over(Exception):
    """The request has ended before the story has."""


class Disturbed(Play):
    """One playing of a story."""

    def __init__(
        self, cluster: ControlPlane, scenario: Scenario, snapshot: str, decided: Callable[[], None]
    ) -> None:
        """Play nothing yet.

        Args:
            snapshot: what the action changes: spec, node, pods or jobs.
            decided: called when a person decides.
        """
        super().__init__(cluster, scenario, PATIENCE_SECONDS, every_seconds=LOOK_SECONDS)
        self._decided: Final = decided
        self._look: Final = SNAPSHOTS[snapshot]
        self._log_start: Final = cluster.audit_log.stat().st_size
        self._before: Any = None
        self._ending: Ending | None = None

    @property
    def namespace(self) -> str:
        """Its own."""
        return self._namespace

    def play(self) -> Ending:
        """Play it as far as it goes. Raises: AssertionError when it does not end in time."""
        with contextlib.suppress(Over):
            self.run()
        assert self._ending is not None, "the story has no request"
        return self._ending

    def _compare_preflight(self) -> None:
        self._before = self._seen()
        self._until(lambda: "preflight" in self._status(), "the preflight is shown")

    def _decide(self) -> None:
        self._before = self._seen()
        self._decided()
        super()._decide()

    def _compare_end(self, request: str) -> None:
        self._until(self._is_over, f"{request} ends", lambda: str(self._conditions()))
        self._ending = self._look_back()

    def _until(
        self,
        holds: Callable[[], bool],
        what: str,
        found: Callable[[], str] | None = None,
    ) -> None:
        def is_due() -> bool:
            return holds() or self._is_over()

        super()._until(is_due, what, found)
        if not holds():
            self._ending = self._look_back()
            raise Over

    def _is_over(self) -> bool:
        request = self._read_request()
        status = request.get("status") or {}
        if "finishedAt" not in status:
            return False
        # A person wants the old state back: it will be open again until that is answered.
        summary = next(c["reason"] for c in status["conditions"] if c["type"] == "Succeeded")
        return "rollback" not in request["spec"] or summary in ("RolledBack", "RollbackFailed")

    def _look_back(self) -> Ending:
        fault, world = self._scenario.fault, self._scenario.world
        nodes: Collection[str] = world.nodes if fault.kind == "Node" else ()
        made = writes(self._cluster, self._namespace, nodes, start=self._log_start)
        status = self._status()
        progress = (status.get("execution") or {}).get("progress") or {}
        names = {*(workload.name for workload in world.workloads), *nodes}
        return Ending(
            Told(self._conditions(), progress.get("done")),
            done(made, is_changed=self._seen() != self._before),
            tuple(told(made, names)),
            tuple(f"{c['type']} {c['status']} {c['reason']}: {c['message']}" for c in status["conditions"]),
        )

    def _seen(self) -> Any:
        return self._look(self._shop, self._scenario)


def _spec(shop: Shop, scenario: Scenario) -> Json:
    target = scenario.fault
    found: Json = shop.get(target.kind.lower(), target.name)["spec"]
    return found


def _node(shop: Shop, scenario: Scenario) -> bool:
    return bool(shop.get("node", scenario.fault.name)["spec"].get("unschedulable"))


def _pods(shop: Shop, scenario: Scenario) -> dict[str, Any]:
    living = (pod for pod in shop.all("pod") if "deletionTimestamp" not in pod["metadata"])
    return {pod["metadata"]["uid"]: pod["spec"]["containers"][0]["resources"] for pod in living}


def _jobs(shop: Shop, scenario: Scenario) -> set[str]:
    found = shop.cluster.read(f"/apis/batch/v1/namespaces/{shop.namespace}/jobs")["items"]
    return {job["metadata"]["name"] for job in found if "deletionTimestamp" not in job["metadata"]}


SNAPSHOTS: Final[dict[str, Callable[[Shop, Scenario], Any]]] = {
    "spec": _spec,
    "node": _node,
    "pods": _pods,
    "jobs": _jobs,
}


def with_own_nodes(scenario: Scenario) -> Scenario:
    """The story with nodes that no other playing of it has: their names are in the audit log for good."""
    text, number = json.dumps(scenario.model_dump(mode="json", by_alias=True)), next(_numbers)
    for node in scenario.world.nodes:
        text = text.replace(node, f"{node}-r{number}")
    return Scenario.model_validate_json(text)
