"""What speaks against a proposal: the guards, asked of the request as it would be created. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from podvigil.api.monitor import AnomalyMonitor
from podvigil.api.reasons import Reason
from podvigil.api.report import AnomalyReport
from podvigil.api.request import RemediationRequest
from podvigil.remediate.authority.gate import Gate
from podvigil.remediate.guards import PROPOSAL, all_refusals
from podvigil.remediate.observe.context import Context, OtherRequest
from podvigil.remediate.observe.place import NOTHING_SAID, Place, autoscaling, covering, limits_of
from podvigil.remediate.observe.surroundings import NOTHING_AROUND, Surroundings
from podvigil.remediate.refusal import Refusal
from podvigil.remediate.targets.workload import WorkloadState

PATIENCE: Final = timedelta(minutes=10)
"""So long after an episode began, the most promising action is waited for while what holds it passes by itself:
a rollout of a minute is no reason for the second best."""

NOT_ASKED: Final = Gate(False, Reason.GATE_NOT_STANDING, "the analyst does not ask for the gate")


@dataclass(frozen=True, slots=True)
class Scene:
    """What is around a target when something is proposed for it."""

    place: Place = NOTHING_SAID
    surroundings: Surroundings = NOTHING_AROUND
    others: tuple[OtherRequest, ...] = ()
    """Requests for the target, of all monitors."""
    everything_paused: str | None = None
    """Why nothing at all may be changed; None: it may."""


@dataclass(frozen=True, slots=True)
class Withheld:
    """An action that is recommended and not proposed."""

    action: str
    refusals: tuple[Refusal, ...]
    """All that speaks against it, in the order of the guards; at least one."""

    @property
    def passes(self) -> bool:
        """Whether all of it is over soon, by itself."""
        return all(
            refusal.retry_after is not None
            and refusal.retry_after <= PATIENCE
            and refusal.reason is not Reason.RECURRING
            for refusal in self.refusals
        )

    @property
    def message(self) -> str:
        """Everything at once, for a person."""
        return f"{self.action} is withheld: {'; '.join(refusal.message for refusal in self.refusals)}"

    @property
    def reasons(self) -> str:
        """In short, such as `Restart is withheld (BudgetBlocks, Cooldown)`."""
        return f"{self.action} is withheld ({', '.join(refusal.reason.value for refusal in self.refusals)})"


def objections(
    proposal: RemediationRequest,
    report: AnomalyReport,
    monitor: AnomalyMonitor,
    target: WorkloadState,
    scene: Scene,
    *,
    own_namespace: str,
    now: datetime,
) -> tuple[Refusal, ...]:
    """Return all that the guards say of a proposal.

    Args:
        monitor: with what is said of it now in its status: pods in trouble, evaluations, outcomes.
    """
    plan = proposal.spec.plan
    # Of two requests the older one goes first: this one is not there yet.
    metadata = {"uid": "", **proposal.metadata, "creationTimestamp": f"{now:%Y-%m-%dT%H:%M:%SZ}"}
    ctx = Context(
        request=proposal.model_copy(update={"metadata": metadata}),
        target=target,
        report=report,
        monitor=monitor,
        gate=NOT_ASKED,
        missing_rights=(),
        own_namespace=own_namespace,
        executor="",
        budgets=covering(scene.place.budgets, target),
        autoscalers=autoscaling(scene.place.autoscalers, plan.target),
        limits=limits_of(plan, scene.place),
        everything_paused=scene.everything_paused,
        surroundings=scene.surroundings,
        others=scene.others,
    )
    return all_refusals(ctx, now, PROPOSAL)


def is_waited_for(withheld: Withheld, report: AnomalyReport, now: datetime) -> bool:
    """Return whether no less promising action is proposed meanwhile."""
    began = report.status.first_seen
    return withheld.passes and began is not None and now - began < PATIENCE


def summed(withheld: Sequence[Withheld]) -> Refusal:
    """Say of every recommended action why it is not proposed; the last one may be waited for."""
    said = ". ".join(one.message for one in withheld)
    decisive = withheld[-1] if withheld[-1].passes else withheld[0]
    if not decisive.passes and any(r.reason is Reason.RECURRING for one in withheld for r in one.refusals):
        return Refusal(Reason.RECURRING, f"{said}. A person must look: what is recommended does not last")
    again = [r.retry_after for r in decisive.refusals if r.retry_after is not None]
    return Refusal(
        decisive.refusals[0].reason,
        said,
        max(again) if len(again) == len(decisive.refusals) else None,
    )
