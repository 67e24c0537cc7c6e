"""
What the API server, or the way to it, can say instead of doing what was asked.

    ClusterError            carries `status`, `reason`, `message`, `call`, `details`
    ├── BadRequest     400  the call makes no sense to the server (e.g. an invalid selector)
    ├── Unauthorized   401  it does not know who we are
    ├── Forbidden      403  it knows, and a role or a policy says no
    ├── NotFound       404
    ├── Conflict       409  the object is not as we thought (resourceVersion, uid)
    │   └── AlreadyExists   of a create: the name is taken
    ├── Gone           410  a list's continue token is too old
    ├── Invalid        422  the object breaks its schema or a validation rule
    ├── Throttled      429  later; an eviction that a budget blocks has a DisruptionBudget cause
    └── Unavailable    5xx, or status 0: no answer at all (refused, reset, time-out, TLS)
        └── BadCredentials  nothing was asked: we do not know where the server is, or who we are to it
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec


class ClusterError(Exception):
    """The API server said no, or said nothing.

    `status` is the HTTP code, 0 when there was no answer; `reason` the server's CamelCase word;
    `message` its sentence; `call` what was tried; `details` the `details` of its Status, maybe empty.
    """

    def __init__(
        self,
        status: int,
        reason: str,
        message: str,
        *,
        call: str = "",
        details: Mapping[str, Any] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(status, reason, message)
        self.status = status
        self.reason = reason
        self.message = message
        self.call = call
        self.details: Mapping[str, Any] = details or {}
        self.retry_after = retry_after
        """Seconds that the server asks us to wait, None when it names none."""

    def __str__(self) -> str:
        code = f"{self.status} {self.reason}" if self.status else self.reason
        said = f"{code}: {self.message}" if self.message else code
        return f"{self.call}: {said}" if self.call else said

    @property
    def causes(self) -> tuple[str, ...]:
        """The reasons among the Status' causes, e.g. `("DisruptionBudget",)`."""
        return tuple(str(cause.get("reason", "")) for cause in self.details.get("causes") or ())


class BadRequest(ClusterError):
    """400: the call makes no sense to the server."""


class Unauthorized(ClusterError):
    """401: the server does not know who we are."""


class Forbidden(ClusterError):
    """403: a role or an admission policy says no."""


class NotFound(ClusterError):
    """404: no such object, or no such kind."""


class Conflict(ClusterError):
    """409: the object is not as we thought."""


class AlreadyExists(Conflict):
    """409 of a create: the name is taken."""


class Gone(ClusterError):
    """410: what we point at (a continue token) is too old."""


class Invalid(ClusterError):
    """422: the object breaks its schema or a validation rule."""


class Throttled(ClusterError):
    """429: not now; `retry_after` says when."""


class Unavailable(ClusterError):
    """5xx, or no answer at all: nothing is known about what became of the call."""


class BadCredentials(Unavailable):
    """No server is named, or no usable credentials for it; `message` says where we looked and what is wrong there."""

    def __init__(self, message: str) -> None:
        super().__init__(0, "BadCredentials", message)

    def __str__(self) -> str:
        return self.message  # for a person who mends a file: our word for it would say nothing


_BY_STATUS: Final[dict[int, type[ClusterError]]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    422: Invalid,
    429: Throttled,
}


def not_json(status: int, body: bytes, call: str) -> ClusterError:
    """The error that a successful answer stands for when it is not the API server's: a proxy's or a login page."""
    begins = body[:_BEGINNING_CHARACTERS].decode("utf-8", "replace").strip()
    message = f"the answer is not JSON and begins with {begins!r}: is a proxy or a login page in between?"
    return ClusterError(status, "NotJSON", message, call=call)


_BEGINNING_CHARACTERS: Final = 40
# A body that is not a Status (a proxy's page) is quoted up to here.
_QUOTED_CHARACTERS: Final = 200


def error_of(status: int, body: bytes, retry_after: str | None, call: str) -> ClusterError:
    """The error that an answer of 400 or more stands for, whether or not its body is a Status."""
    try:
        said = msgspec.json.decode(body)
    except msgspec.DecodeError:
        said = None
    if not isinstance(said, dict):
        said = {"message": body[:_QUOTED_CHARACTERS].decode("utf-8", "replace").strip()}
    details = said.get("details")
    details = details if isinstance(details, dict) else {}
    # A 410 of a list carries a token to go on with in the Status' own metadata.
    token = said.get("metadata", {}).get("continue") if isinstance(said.get("metadata"), dict) else None
    if token:
        details = {**details, "continue": token}
    kind = _BY_STATUS.get(status, Unavailable if status >= 500 else ClusterError)
    reason = str(said.get("reason") or f"HTTP{status}")
    if kind is Conflict and reason == "AlreadyExists":
        kind = AlreadyExists
    return kind(
        status,
        reason,
        str(said.get("message") or ""),
        call=call,
        details=details,
        retry_after=_seconds(retry_after, details.get("retryAfterSeconds")),
    )


def _seconds(header: str | None, detail: Any) -> float | None:
    if header is not None and header.strip().isdecimal():
        return float(header)
    return float(detail) if isinstance(detail, int) else None
