"""Windows of time that come back, as people write them in a monitor."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from podvigil.api.base import ApiModel, duration_field, rule, rules


class Weekday(StrEnum):
    """A day of the week; their order is that of `datetime.weekday`."""

    MONDAY = "Monday"
    TUESDAY = "Tuesday"
    WEDNESDAY = "Wednesday"
    THURSDAY = "Thursday"
    FRIDAY = "Friday"
    SATURDAY = "Saturday"
    SUNDAY = "Sunday"


class TimeWindow(ApiModel):
    """Opens at a time of day on some days of the week, and stays open for a while."""

    days: Annotated[
        tuple[Weekday, ...],
        Field(min_length=1, max_length=7, description="The days on which it opens; absent: every day."),
    ] = tuple(Weekday)
    start: Annotated[
        str,
        Field(
            max_length=5,
            pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$",
            description="When it opens, by the clock of the time zone, e.g. 22:30.",
        ),
    ]
    duration: str = duration_field(
        "1h", at_least="1m", at_most="24h", description="How long it stays open; past midnight, too."
    )
    time_zone: Annotated[
        str,
        Field(
            min_length=1,
            max_length=64,
            pattern=r"^[A-Za-z0-9_+/-]+$",
            description="An IANA time zone, e.g. Europe/Paris.",
            json_schema_extra=rules(
                # CEL has no other way to ask whether a zone exists: an unknown one is an error, and so refused.
                rule(
                    "timestamp('2026-01-01T00:00:00Z').getHours(self) >= 0",
                    "must be a time zone of the IANA database, for example UTC or Europe/Paris",
                )
            ),
        ),
    ] = "UTC"
