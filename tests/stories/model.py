"""What a scenario file may say; a mistake in one is an error that names the file and the field.

world ─▶ fault ─▶ proposal ─▶ decision ─▶ then … ─▶ end, and every call that the executor made on the way.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

FOLDER: Final = Path(__file__).parents[1] / "scenarios"

Json = dict[str, Any]


_PLACEHOLDER: Final = re.compile(r"\{(namespace|now|clock)([+-]\d+)?\}")


class Part(BaseModel):
    """A part of a scenario; unknown fields are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Workload(Part):
    """A workload of the world, ready before the story begins."""

    name: str = "web"
    kind: Literal["Deployment", "StatefulSet", "DaemonSet", "Rollout"] = "Deployment"
    replicas: int = 2
    spec: Json = {}
    """Merged into `spec`, e.g. {strategy: {type: Recreate}}."""
    pod: Json = {}
    """Merged into the pods' spec, e.g. {priorityClassName: high}."""
    resources: Json = {}
    """Of its one container, app."""
    annotations: dict[str, str] = {}
    """Of the workload itself."""
    manager: str | None = None
    """Field manager that applies it by server-side apply; absent: a person with `kubectl apply`."""
    release: str | None = None
    """An image that is rolled out once the first one is ready."""
    patch: Json = {}
    """Merged into the workload once it is ready, e.g. {spec: {updateStrategy: {type: OnDelete}}}."""
    node: str | None = None
    """A node of the story's own where its pods are, as long as that takes pods; then they go to the others."""


class World(Part):
    """What is there before anything goes wrong."""

    remediation: Json = {}
    """spec.remediation of the monitor; the cooldown is 0s unless given."""
    status: Json = {}
    """What the analyst says in the monitor's status, e.g. {podsAffected: 50, workloadsAffected: 5}."""
    workloads: tuple[Workload, ...] = (Workload(),)
    objects: tuple[Json, ...] = ()
    """Any other objects, applied before the workloads, in the story's namespace unless they name one."""
    nodes: tuple[str, ...] = ()
    """Nodes of the story's own, beside the two that are always there, where only pods of the story go; taken
    away afterwards."""
    without: tuple[str, ...] = ()
    """Cluster-wide objects of the installation, as kind/name, that are missing until the story is over."""


class Fault(Part):
    """What the analyst reports."""

    signal: str = "MemoryHigh"
    kind: str = "Deployment"
    name: str = "web"
    recommend: tuple[str, ...] = ("Restart",)
    """Actions that the diagnosis recommends, the best first."""
    pods: int = 2
    """Pods judged."""
    affected: int = 1
    probability: int = 950
    """In thousandths."""
    since: int = 60
    """Seconds since it began."""
    named: int = 0
    """So many pods of the target are named as affected."""
    status: Json = {}
    """Merged into the report's status."""


class Past(Part):
    """Another request for the target, made before this story's."""

    action: str
    ago: int = 0
    """Seconds since it made its change, and ended."""
    open: bool = False
    """It waits for a decision instead."""


class Preflight(Part):
    """What a person sees before deciding; only what is named is compared."""

    refusals: tuple[str, ...] = ()
    """Reasons, in any order, and no other."""
    says: tuple[str, ...] = ()
    """Texts that must occur in what the objections say."""
    pods_disturbed: Annotated[int | None, Field(alias="podsDisturbed")] = None
    reversibility: str | None = None
    changes: tuple[str, ...] = ()
    """Beginnings of lines that must be among the changes."""
    notes: tuple[str, ...] = ()
    """Texts that must occur in the notes."""


class Decision(Part):
    """What a person decides, with kubectl patch."""

    by: str = "alice"
    decision: Literal["Approved", "Denied", "Nothing", "Rule"] = "Approved"
    """Rule: the approver approves by a rule of the monitor."""
    reason: str | None = None
    refused: str | None = None
    """A part of the API server's refusal, when this person may not."""


class Step(Part):
    """One thing that happens next; exactly one field is given."""

    wait: dict[str, str] | None = None
    """A condition of the request and how it begins, e.g. {Executed: "True"}."""
    rolled: str | None = None
    """Wait until this workload's newest revision is everywhere."""
    judge: Literal["active", "inactive", "unknown"] | None = None
    """What the analyst says about the target from now on."""
    patch: Json | None = None
    """Someone edits an object: {kind, name, body}."""
    scale: dict[str, int] | None = None
    """Someone scales workloads: {web: 5}."""
    delete: str | None = None
    """Someone deletes an object, as kind/name."""
    apply: Json | None = None
    """Someone applies an object."""
    cancel: str | None = None
    """This person cancels the request."""
    rollback: str | None = None
    """This person asks for the old state."""
    gone: str | None = None
    """Wait until an object is gone, as kind/name."""
    break_pods: Annotated[dict[str, int] | None, Field(alias="breakPods")] = None
    """So many pods of each workload stop being ready: {web: 2}."""
    status: Json | None = None
    """What the analyst says in the monitor's status from now on."""
    rules: Json | None = None
    """Someone writes spec.remediation of the monitor anew."""
    holds: dict[str, Json] | None = None
    """Wait until this holds of objects: {poddisruptionbudget/web: {status.disruptionsAllowed: 0}}."""
    restarted: str | None = None
    """Argo's controller restarts this Rollout, as it was asked to."""
    learnt: Json | None = None
    """What the analyst has learnt of the request's action and trouble by now."""
    past_ended: Annotated[int | None, Field(alias="pastEnded")] = None
    """Time goes by: the first request of `past` ended so many seconds ago by now."""
    progress: str | None = None
    """Wait until the request's progress waits for something with this text."""


class Proposal(Part):
    """What the analyst proposes: an action, or the reason why nothing."""

    action: str | None = None
    parameters: Json | None = None
    withheld: str | None = None
    """The reason, when nothing is proposed."""
    first: str | None = None
    """The reason why nothing is proposed at first; the action is proposed once that is over."""
    freed: tuple[Step, ...] = ()
    """What ends it; nothing, where time does."""
    says: tuple[str, ...] = ()
    """Texts that must occur in what the report says of what is withheld."""


class Scenario(Part):
    """One story."""

    story: str
    """What happens and why it matters, in a sentence or two; it stands in the docs."""
    world: World = World()
    fault: Fault = Fault()
    plan: Json = {}
    """Overrides of the proposed plan, e.g. {validationWindow: 10s, expiresIn: 5}; with `request`, its whole plan."""
    request: bool = False
    """A person's tool creates the request from `plan`, instead of the analyst's proposal."""
    target: str | None = None
    """What such a request is about, as kind/name, when it is not what the report is about."""
    past: tuple[Past, ...] = ()
    """What was asked about the target before."""
    proposal: Proposal = Proposal(action="Restart")
    preflight: Preflight | None = None
    before: tuple[Step, ...] = ()
    """What happens between the preflight and the decision."""
    decision: Decision = Decision()
    then: tuple[Step, ...] = ()
    calls: tuple[str, ...] = ()
    """Each write of the executor that the API server accepted, in order: `patch deployments/scale web`.

    Dry runs, statuses of requests and events are left out; that no other write was made is part of the claim.
    """
    end: dict[str, str] = {}
    """Conditions of the request at its end, as `status reason`; empty: there is no request."""
    state: dict[str, Json] = {}
    """What must hold of objects at the end: {deployment/web: {spec.replicas: 3}}."""
    alone: bool = False
    """It changes what other stories see (nodes, the gate, a pause): played when no other is."""


def filled(value: Any, namespace: str) -> Any:
    """Replace what a file cannot know: {namespace}; {now-60}, so many seconds from now; {clock+6}, the time of
    day so many hours from now."""

    def known(found: re.Match[str]) -> str:
        what, number = found[1], int(found[2] or 0)
        if what == "namespace":
            return namespace
        if what == "now":
            return f"{datetime.now(UTC) + timedelta(seconds=number):%Y-%m-%dT%H:%M:%SZ}"
        return f"{datetime.now(UTC) + timedelta(hours=number):%H:%M}"

    if isinstance(value, dict):
        return {_filled_text(key, known): filled(part, namespace) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [filled(part, namespace) for part in value]
    return _filled_text(value, known)


def _filled_text(value: Any, known: Callable[[re.Match[str]], str]) -> Any:
    return _PLACEHOLDER.sub(known, value) if isinstance(value, str) else value


def load(path: Path) -> Scenario:
    """Read a scenario file. Raises: ValueError that names the file and each wrong field."""
    try:
        return Scenario.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ValueError(f"{path.name}: {wrong}") from error


def all_scenarios() -> dict[str, Scenario]:
    """Every scenario by its file's name, sorted."""
    return {path.stem: load(path) for path in sorted(FOLDER.glob("*.yaml"))}
