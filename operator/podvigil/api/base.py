"""The base of all models that mirror a Kubernetes object, and the field types they share."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer
from pydantic.alias_generators import to_camel

from podvigil.api.durations import DURATION_MAX_LENGTH, DURATION_PATTERN

NAME_MAX: Final = 253
"""A DNS subdomain name, as of RFC 1123 and `metadata.name`."""

_LABEL: Final = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
NAME_PATTERN: Final = rf"^{_LABEL}(\.{_LABEL})*$"
"""Of the names of every kind that we refer to (RBAC's may hold more). What else is written leads somewhere else than
to an object: `..` to the path above."""


class ApiModel(BaseModel):
    """A part of a Kubernetes object: camelCase outside, frozen inside.

    Unknown fields are dropped on reading, since an object may come from a newer version of us;
    on writing the API server refuses them.
    """

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore", use_enum_values=False
    )

    def dump(self) -> dict[str, Any]:
        """Return the object as the API server takes it: JSON types, no absent fields."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def merge_patch(before: ApiModel, after: ApiModel) -> dict[str, Any]:
    """Return the JSON merge patch (RFC 7386) that sets the fields of `after` and removes those it lost."""
    gone: dict[str, Any] = dict.fromkeys(set(before.dump()) - set(after.dump()))
    return gone | after.dump()


def _written_time(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _in_utc(value: datetime) -> datetime:
    """Convert what is read, so that no offset is left out when it is shown, and none fails when it is written."""
    if value.tzinfo is None:
        raise ValueError("a time needs its offset from UTC, for example 2026-03-01T18:00:00Z")
    try:
        return value.astimezone(UTC)
    except OverflowError as error:  # its offset leads beyond the years 1 to 9999
        raise ValueError("a time must lie within the years 1 to 9999 in UTC") from error


Time = Annotated[
    datetime, AfterValidator(_in_utc), PlainSerializer(_written_time, return_type=str, when_used="json")
]
"""A moment, kept in UTC and written to the second as `metav1.Time` is."""


def rule(expression: str, message: str) -> dict[str, str]:
    """Return one CEL validation rule; `message` says what to write instead."""
    return {"rule": expression, "message": message}


def rules(*all_rules: dict[str, str]) -> dict[str, Any]:
    """Return the schema extension that holds CEL rules."""
    return {"x-kubernetes-validations": list(all_rules)}


def duration_field(default: str, *, at_least: str, at_most: str, description: str) -> Any:
    """Return a field that holds a duration between two bounds, checked by the API server."""
    return Field(
        default=default,
        pattern=DURATION_PATTERN,
        max_length=DURATION_MAX_LENGTH,
        description=f"{description} Between {at_least} and {at_most}.",
        json_schema_extra=rules(
            rule(
                f"duration(self) >= duration('{at_least}') && duration(self) <= duration('{at_most}')",
                f"must be a duration between {at_least} and {at_most}, for example {default}",
            )
        ),
    )


def permille_field(default: int | None, *, description: str) -> Any:
    """Return a field that holds a share in thousandths; specs hold no floats."""
    return Field(default=default, ge=0, le=1000, description=f"{description} In thousandths, 0 to 1000.")


Name = Annotated[str, Field(min_length=1, max_length=NAME_MAX, pattern=NAME_PATTERN)]
"""Name of a Kubernetes object, or of a namespace."""
Message = Annotated[str, Field(max_length=1024)]
"""A sentence for people; bounded so that a status stays small."""
