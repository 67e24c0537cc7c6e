"""Stories in which every call of the executor fails, in every way, until nothing is left that has not failed.

A story is played round after round. In each round an executor of its own works behind a proxy of its own, which shows
it this story alone, so that every call belongs to the story. The proxy answers each call with the faults that this
call has not had yet, one after the other, and lets it through after them. The first round in which nothing fails any
more is the last: it proves that there is no call left, and that the story still ends well.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from executors import ThreadedExecutor
from faults.disturbed import Disturbed, Ending
from faults.naming import Naming, is_change, is_find, is_look
from faults.proxy import AlterJson, Asked, Drop, Fault, FaultProxy, Reset, Rule, Status
from localcluster.controlplane import ControlPlane
from podvigil.cluster.transport import TimeOuts
from podvigil.controllers.queue import QueueSettings
from shop import EXECUTOR
from stories.model import Scenario

Json = dict[str, Any]

ROUNDS_MOST: Final = 40
"""Of one story: a bound for a loop that a bug would make. A fault that ends the request takes a round."""

FAULTS_MOST: Final = 2_000
"""In one round: the same."""

TIME_OUTS: Final = TimeOuts(connect=2.0, read=2.0, total=4.0)
"""Short: each call that is never answered takes so long."""

QUEUE: Final = QueueSettings(first_backoff_seconds=0.1, last_backoff_seconds=0.2)
"""Hundreds of calls fail one after the other: half a minute before each would be hours."""

FORGET: Final = "404"
"""The fault that tells that an object is not there, which the executor believes."""

REFUSALS: Final = frozenset({"400", "403", "404", "422"})
"""What the server would say again: a change that is answered so is not tried again (but after a 404)."""


def _said(code: int, reason: str, retry_after: int | None = None) -> Status:
    """An answer as the API server words it."""
    message = f"{reason}: said by a test"
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code}
    return Status(code, body | {"metadata": {}, "message": message}, retry_after)


FAULTS: Final[Mapping[str, Fault]] = MappingProxyType(
    {
        "400": _said(400, "BadRequest"),
        "401": _said(401, "Unauthorized"),
        "403": _said(403, "Forbidden"),
        "404": _said(404, "NotFound"),
        "409": _said(409, "Conflict"),
        "410": _said(410, "Expired"),
        "422": _said(422, "Invalid"),
        "429": _said(429, "TooManyRequests", retry_after=1),
        "500": _said(500, "InternalError"),
        "503": _said(503, "ServiceUnavailable"),
        "reset": Reset(),
        "time-out": Drop(),
        "answer lost": Reset(after_upstream=True),
    }
)
"""Every answer that the API server, or the way to it, can give. The last one lets the call be done."""


@dataclass
class EachCall(Rule):
    """Answers each call with every fault that it has not had, one at each time; then lets it through."""

    fault: Fault = field(default_factory=Reset)
    faults: tuple[str, ...] = ()
    given: set[tuple[str, str]] = field(default_factory=set)
    """Calls and faults of earlier rounds, and of this one."""
    taken: list[tuple[str, str]] = field(default_factory=list)
    """Those of this round."""
    naming: Naming = field(default_factory=Naming)
    _is_disturbed: bool = False
    """Whether something failed in this pass over the request."""
    _is_decisive: bool = False
    """Whether what failed may end the request."""

    def begin(self) -> None:
        """Begin another round."""
        self.naming, self.taken = Naming(finely=FORGET in self.faults), []
        self._is_disturbed = self._is_decisive = False

    def decided(self) -> None:
        """A person decides now."""
        self.naming.is_decided = True

    def fault_for(self, asked: Asked) -> Fault | None:
        """The next fault of this call."""
        if is_look(asked):
            self._is_disturbed = self._is_decisive = False
        call = self.naming.name(asked)
        name = next((f for f in self.faults if (call, f) not in self.given), None)
        if name is None or len(self.taken) >= FAULTS_MOST or not self._is_apart(asked, name):
            self.naming.pass_on(asked)
            return None
        self.given.add((call, name))
        self.taken.append((call, name))
        fault = FAULTS[name]
        if isinstance(fault, Reset) and fault.after_upstream:
            self.naming.pass_on(asked)
        return fault

    def _is_apart(self, asked: Asked, fault: str) -> bool:
        """What may end the request comes alone in its pass: else another fault there would hide what it does."""
        may_end = (fault in REFUSALS and is_change(asked)) or (fault == FORGET and is_find(asked))
        if self._is_decisive or (may_end and self._is_disturbed):
            return False
        self._is_disturbed, self._is_decisive = True, may_end
        return True


@dataclass
class ForEver(EachCall):
    """Answers every call of the action itself with the same fault, whenever it comes."""

    def fault_for(self, asked: Asked) -> Fault | None:
        """The one fault, for a call of the action."""
        if not is_change(asked):
            return None
        self.taken.append((self.naming.name(asked), self.faults[0]))
        return FAULTS[self.faults[0]]


@dataclass
class OwnWorld(Rule):
    """Shows the executor the requests and the nodes of one story, and the nodes that belong to none."""

    namespace: str = ""

    def fault_for(self, asked: Asked) -> Fault | None:
        """Narrow a list."""
        path = asked.path.partition("?")[0]
        if asked.method == "GET" and path.endswith(("/remediationrequests", "/nodes")):
            return AlterJson(self._narrowed)
        return None

    def _narrowed(self, found: Json) -> Json:
        items = [item for item in found.get("items") or () if self._is_ours(item["metadata"])]
        return {**found, "items": items}

    def _is_ours(self, metadata: Json) -> bool:
        story = (metadata.get("labels") or {}).get("story", self.namespace)
        where = metadata.get("namespace", self.namespace)
        return story == self.namespace and (
            where == self.namespace or str(metadata["name"]).endswith(f"-{self.namespace}")
        )


@dataclass(frozen=True)
class Round:
    """One time that a story was played."""

    scenario: Scenario
    faults: tuple[tuple[str, str], ...]
    """Which calls failed in which way, in order."""
    ending: Ending
    seconds: float
    """How long it took."""

    def __str__(self) -> str:
        failed = "\n".join(f"  {fault}: {call}" for call, fault in self.faults)
        return f"{self.ending}\nafter these faults:\n{failed}"


def play(cluster: ControlPlane, scenario: Scenario, rule: EachCall, folder: Path, snapshot: str) -> Round:
    """Play a story once, with the faults that are left. Raises: AssertionError when it does not end in time."""
    began = time.monotonic()
    rule.begin()
    story = Disturbed(cluster, scenario, snapshot, rule.decided)
    with FaultProxy(cluster.url, ca_file=cluster.ca_file) as proxy:
        proxy.add(rule)
        proxy.add(OwnWorld(Reset(), namespace=story.namespace))
        kubeconfig = proxy.kubeconfig(folder / f"{story.namespace}.kubeconfig", cluster.token(EXECUTOR))
        with ThreadedExecutor(kubeconfig, story.namespace, time_outs=TIME_OUTS, queue=QUEUE):
            ending = story.play()
    return Round(scenario, tuple(rule.taken), ending, time.monotonic() - began)


def play_out(
    cluster: ControlPlane,
    scenario: Callable[[], Scenario],
    faults: tuple[str, ...],
    folder: Path,
    snapshot: str,
    check: Callable[[Round], None],
) -> list[Round]:
    """Play a story until nothing fails any more; `check` looks at each round at once.

    Raises: AssertionError, also when there is no end of calls that have not failed.
    """
    rounds: list[Round] = []
    rule = EachCall(faults=faults)
    while not rounds or rounds[-1].faults:
        assert len(rounds) < ROUNDS_MOST, f"still new calls after {ROUNDS_MOST} rounds: {rounds[-1].faults}"
        rounds.append(play(cluster, scenario(), rule, folder, snapshot))
        check(rounds[-1])
    return rounds
