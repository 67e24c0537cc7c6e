"""
Why a metrics source gave us nothing to score.

    SourceError          carries `reason` (a condition's), `query`
    ├── Unreachable      no answer: refused, reset, time-out, TLS
    ├── BadAnswer        an error status, or a body that we cannot read; carries `status`
    ├── PartialAnswer    an answer that says itself it is incomplete; carries `warnings`
    ├── WrongLabels      an answer without the labels that name a pod; carries `missing`
    └── Unaskable        no query can be written for what is selected: nothing was asked

Each message says what was asked, what came back and what to do about it.
"""

from typing import ClassVar, Final

from podvigil.api.reasons import Reason

_QUERY_CHARACTERS: Final = 300  # of a query in a message: conditions are bounded, and the start tells which


class SourceError(Exception):
    """The metrics source gave no usable answer."""

    reason: ClassVar[Reason] = Reason.SOURCE_UNREACHABLE

    def __init__(self, source: str, query: str, came_back: str, mend: str) -> None:
        super().__init__(source, query, came_back, mend)
        self.source = source
        self.query = query
        self.came_back = came_back
        self.mend = mend

    def __str__(self) -> str:
        query = self.query if len(self.query) <= _QUERY_CHARACTERS else self.query[:_QUERY_CHARACTERS] + "…"
        asked = f"{self.source} was asked {query!r}" if query else self.source
        return f"{asked}: {self.came_back}. {self.mend}"


class Unreachable(SourceError):
    """No answer: refused, reset, too slow, or TLS failed."""

    reason = Reason.SOURCE_UNREACHABLE


class BadAnswer(SourceError):
    """An error status, or a body that we cannot read."""

    reason = Reason.SOURCE_REFUSED

    def __init__(self, source: str, query: str, came_back: str, mend: str, *, status: int) -> None:
        super().__init__(source, query, came_back, mend)
        self.status = status


class PartialAnswer(SourceError):
    """The source says that its answer is incomplete: pods that it left out would look gone."""

    reason = Reason.SOURCE_PARTIAL

    def __init__(self, source: str, query: str, warnings: tuple[str, ...]) -> None:
        super().__init__(
            source,
            query,
            f"the answer is incomplete: {'; '.join(warnings)}",
            "Look at the stores behind this source; nothing is scored from part of the pods",
        )
        self.warnings = warnings


class Unaskable(SourceError):
    """No query can be written for the selected namespaces, so nothing was asked."""

    reason = Reason.INVALID_SPEC

    def __init__(self, why: str) -> None:
        super().__init__("no query was asked", "", why, "Correct spec.namespaces")


class WrongLabels(SourceError):
    """A series that does not say what it is about."""

    reason = Reason.WRONG_LABELS

    def __init__(self, source: str, query: str, labels: str, missing: tuple[str, ...]) -> None:
        super().__init__(
            source,
            query,
            f"a series has no label {' and no label '.join(missing)}: {labels}",
            "The query must keep it: `by (namespace, pod)`, or the claim for volumes",
        )
        self.missing = missing
