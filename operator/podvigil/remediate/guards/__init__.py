"""What must hold before anything is changed: the order of a chain is the policy, so it stands here, in one place."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from podvigil.api.reasons import Reason
from podvigil.remediate.guards.allowed_by_monitor import allowed_by_monitor
from podvigil.remediate.guards.analyst_settled import analyst_settled
from podvigil.remediate.guards.anomaly_active import anomaly_active
from podvigil.remediate.guards.approved import approved
from podvigil.remediate.guards.budget_allows import budget_allows
from podvigil.remediate.guards.change_needed import change_needed
from podvigil.remediate.guards.control_plane_stays import control_plane_stays
from podvigil.remediate.guards.cooled_down import cooled_down
from podvigil.remediate.guards.enough_nodes_left import enough_nodes_left
from podvigil.remediate.guards.gate_stands import gate_stands
from podvigil.remediate.guards.hourly_budget import hourly_budget
from podvigil.remediate.guards.limit_range_allows import limit_range_allows
from podvigil.remediate.guards.maintenance_window import maintenance_window
from podvigil.remediate.guards.namespace_not_protected import namespace_not_protected
from podvigil.remediate.guards.no_bare_pods import no_bare_pods
from podvigil.remediate.guards.no_local_data import no_local_data
from podvigil.remediate.guards.no_open_request import no_open_request
from podvigil.remediate.guards.no_other_open_request import no_other_open_request
from podvigil.remediate.guards.no_storm import no_storm
from podvigil.remediate.guards.node_asked_at_home import node_asked_at_home
from podvigil.remediate.guards.not_autoscaled import not_autoscaled
from podvigil.remediate.guards.not_expired import not_expired
from podvigil.remediate.guards.not_owned_elsewhere import not_owned_elsewhere
from podvigil.remediate.guards.not_paused import not_paused
from podvigil.remediate.guards.not_recurring import not_recurring
from podvigil.remediate.guards.one_budget_each import one_budget_each
from podvigil.remediate.guards.one_node_at_a_time import one_node_at_a_time
from podvigil.remediate.guards.permission_held import permission_held
from podvigil.remediate.guards.quota_allows import quota_allows
from podvigil.remediate.guards.replica_floor import replica_floor
from podvigil.remediate.guards.report_answered import report_answered
from podvigil.remediate.guards.report_exists import report_exists
from podvigil.remediate.guards.report_fresh import report_fresh
from podvigil.remediate.guards.resize_served import resize_served
from podvigil.remediate.guards.rollout_not_paused import rollout_not_paused
from podvigil.remediate.guards.rollout_not_running import rollout_not_running
from podvigil.remediate.guards.room_elsewhere import room_elsewhere
from podvigil.remediate.guards.target_exists import target_exists
from podvigil.remediate.guards.target_unchanged import target_unchanged
from podvigil.remediate.observe.context import Context
from podvigil.remediate.refusal import Refusal

Guard = Callable[[Context, datetime], Refusal | None]
"""A guard that needs a target or a report says nothing without one: `*_exists` says it, once."""

_COMMON: Final[tuple[Guard, ...]] = (
    target_exists,            # what never comes back is asked first:
    target_unchanged,         # waiting for a lost cause helps nobody
    report_exists,
    report_answered,
    allowed_by_monitor,       # then what a person decided
    namespace_not_protected,
    node_asked_at_home,
    not_autoscaled,           # and who else decides about it
    not_owned_elsewhere,
    change_needed,
    resize_served,
    limit_range_allows,
    no_bare_pods,             # of a node: what would be lost,
    no_local_data,
    one_budget_each,
    control_plane_stays,      # and whether it can be spared
    enough_nodes_left,
    anomaly_active,           # then whether there is still a reason
    report_fresh,             # to act, and whether we can see it
    permission_held,
    not_paused,
    maintenance_window,
    analyst_settled,
    no_storm,
    not_recurring,
    rollout_not_paused,
    no_other_open_request,    # then what passes by itself
    one_node_at_a_time,
    cooled_down,
    hourly_budget,
    rollout_not_running,
    quota_allows,
    room_elsewhere,
    replica_floor,
    budget_allows,            # asked last: it changes every second
)  # fmt: skip

LATER: Final[frozenset[Guard]] = frozenset(
    {
        permission_held,        # the analyst cannot ask what the executor may
        maintenance_window,     # people decide by day about what is changed at night
        no_other_open_request,  # no_open_request asks for more
    }
)  # fmt: skip
"""Guards of all requests that are not asked of a proposal."""

PROPOSAL: Final[tuple[Guard, ...]] = (*(g for g in _COMMON if g not in LATER), no_open_request)
"""Before a person is asked at all: what cannot be carried out is not proposed. New guards are asked here too."""

PREFLIGHT: Final[tuple[Guard, ...]] = (*_COMMON, gate_stands)
"""Before the decision: every objection is shown, so that a person decides once."""

EXECUTION: Final[tuple[Guard, ...]] = (gate_stands, approved, not_expired, *_COMMON)
"""Before the change: the first objection stops it."""


WAY_BACK: Final[tuple[Guard, ...]] = (gate_stands, permission_held, not_paused)
"""Before the old state is put back because a person wants it."""

CONTINUATION: Final[tuple[Guard, ...]] = (allowed_by_monitor, *WAY_BACK)
"""Between two steps of a change that has begun: its own first step answers the others, and half of a change is
no better than the whole."""


def all_refusals(ctx: Context, now: datetime, chain: tuple[Guard, ...] = PREFLIGHT) -> tuple[Refusal, ...]:
    """Return every objection of a chain."""
    return tuple(refusal for guard in chain if (refusal := guard(ctx, now)))


def first_refusal(ctx: Context, now: datetime, chain: tuple[Guard, ...] = EXECUTION) -> Refusal | None:
    """Return the first objection of a chain."""
    return next((refusal for guard in chain if (refusal := guard(ctx, now))), None)


HOPELESS: Final = frozenset(
    {
        Reason.TARGET_MISSING,
        Reason.STALE_TARGET,
        Reason.REPORT_MISSING,
        Reason.ANOMALY_CLEARED,
    }
)
"""Objections that end a request before anybody decides: the plan's occasion is gone for good."""
