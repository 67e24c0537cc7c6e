"""Whether somebody would put back what an action writes, and what to change there. Pure; see docs/remediation.md."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from podvigil.api.actions import ActionName
from podvigil.api.parameters import ResourceMethod
from podvigil.api.request import Plan
from podvigil.remediate.ownership.fields import Field, resource_fields, written_by
from podvigil.remediate.ownership.owners import Kind, Owner, controller, is_declared, owners, source
from podvigil.remediate.targets.workload import WorkloadState
from podvigil.remediate.values.container_values import asked

UNMANAGED: Final = frozenset({ActionName.RESTART})
"""Actions that write only what no manifest has: a tool that keeps the object leaves it alone."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Somebody owns a field."""

    field: Field
    who: str
    why: str

    def __str__(self) -> str:
        there = f"; change it there: {diff}" if (diff := self.field.diff()) else ""
        return f"{self.who} {self.why} {self.field}{there}"


def claims(plan: Plan, target: WorkloadState) -> tuple[Claim, ...]:
    """Return who would put back what the plan's action writes; the first claim on each field."""
    found = []
    for field in written_by(plan, target):
        if claim := next(_claims(plan, target, field), None):
            found.append(claim)
    return tuple(found)


def _claims(plan: Plan, target: WorkloadState, field: Field) -> Iterator[Claim]:
    body, kept_by = target.body, source(target.body)
    held = [owner for owner in owners(body, field.path) if owner.kind is not Kind.OURS]
    declared = is_declared(body, field.path)
    tool = kept_by.name if kept_by else None
    for owner in held:
        if owner.kind is Kind.RECONCILER and (owner.applies or declared is not False):
            yield Claim(field, tool or str(owner.tool), "owns")
        elif owner.applies and owner.kind is Kind.OTHER:
            yield Claim(field, f"field manager {owner.manager}", "applies")
    if kept_by and declared:
        yield Claim(field, kept_by.name, "keeps")
    if plan.action not in UNMANAGED:
        if maker := controller(body):
            yield Claim(field, f"{maker}, which made {target.ref},", "decides about")
        if kept_by and kept_by.restores and declared is None and _is_drift(held):
            who = f"{kept_by.name} keeps {target.ref}, where {held[0].manager}"
            yield Claim(field, who, "has set")
    if plan.action == ActionName.SET_RESOURCES:  # an apply that is not forced: whoever owns a value keeps it
        for owner in held:
            yield Claim(field, f"field manager {owner.manager}", "owns")


def _is_drift(held: list[Owner]) -> bool:
    return bool(held) and all(owner.kind is Kind.PERSON for owner in held)


def notes(plan: Plan, target: WorkloadState) -> tuple[str, ...]:
    """Return what to put into a manifest, and who wrote the fields before, for whoever decides."""
    found = []
    if plan.action == ActionName.SET_RESOURCES and asked(plan).method is ResourceMethod.IN_PLACE:
        kept = source(target.body)
        where = f" (of {kept.name})" if kept else ""
        lines = "; ".join(field.diff() for field in resource_fields(plan, target))
        found.append(
            f"A resize lasts as long as the pod. For good, put this into the manifest{where}: {lines}"
        )
    claimed = {claim.field for claim in claims(plan, target)}
    for field in written_by(plan, target):
        if field in claimed:
            continue
        for owner in owners(target.body, field.path):
            if owner.kind in (Kind.PERSON, Kind.OTHER) and field.is_kept:
                found.append(
                    f"{field} was last written by {owner.manager}: what comes from a manifest has to be changed there "
                    f"too, or the next one puts it back: {field.diff()}"
                )
    return tuple(found)
