"""What became of past actions, as it is kept in a monitor's status."""

from typing import Annotated, Final

from pydantic import Field

from podvigil.api.actions import AnyAction
from podvigil.api.base import ApiModel, Name, Time
from podvigil.api.signals import Signal

OUTCOMES_MAX: Final = 64
"""Signals, actions and targets whose outcomes are remembered: 30 KB of a status at most."""


class OutcomeCount(ApiModel):
    """What became of one action on one signal of one workload."""

    signal: Annotated[Signal, Field(description="The signal that was answered.")]
    action: Annotated[AnyAction, Field(description="The action that was carried out, or denied.")]
    namespace: Annotated[str, Field(max_length=63, description="Namespace of the requests.")]
    kind: Annotated[str, Field(max_length=63, description="Kind of the target.")]
    target: Annotated[Name, Field(description="Name of the target.")]
    attempts: Annotated[
        int, Field(ge=0, description="How often it was carried out, or begun and given up.")
    ] = 0
    succeeded: Annotated[
        int, Field(ge=0, description="How often the trouble went away, and has not come back soon.")
    ] = 0
    recurred: Annotated[
        int, Field(ge=0, description="How often the trouble went away and came back within recurrenceWindow.")
    ] = 0
    inconclusive: Annotated[int, Field(ge=0, description="How often nobody could say.")] = 0
    denied: Annotated[int, Field(ge=0, description="How often a person said no.")] = 0
    failures_in_a_row: Annotated[
        int,
        Field(
            ge=0,
            description="Ineffective, harmful, given up or recurred, since it last helped for long.",
        ),
    ] = 0
    last_outcome_time: Annotated[
        Time | None, Field(description="When the last request that is counted here ended.")
    ] = None
    last_success_time: Annotated[
        Time | None, Field(description="When it last helped; absent once it is known whether that lasted.")
    ] = None
    last_failure_time: Annotated[
        Time | None, Field(description="When it last failed, or the trouble came back.")
    ] = None
    last_recurrence_after: Annotated[
        str | None, Field(max_length=16, description="How soon the trouble came back the last time, e.g. 6h.")
    ] = None
    last_denied_time: Annotated[Time | None, Field(description="When a person last said no.")] = None
