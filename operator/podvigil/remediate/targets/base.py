"""What every target of an action has in common, at the moment it was looked at."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from podvigil.api.request import Health
from podvigil.api.resources import ObjectRef, Resource

Json = Mapping[str, Any]

TOKEN: Final = "podvigil.io/remediation"
"""Annotation (of a Job: label) that holds the UID of the request that made a change: a repeated step finds it and
does nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetState(ABC):
    """An object that an action may change; each kind adds what decisions need to know of it."""

    ref: ObjectRef
    resource_version: str
    generation: int
    """metadata.generation; 0 for kinds that have none."""
    deleting: bool = False

    @property
    @abstractmethod
    def resource(self) -> Resource:
        """Where the API server keeps it."""

    @property
    @abstractmethod
    def health(self) -> Health:
        """How it stands, as it is kept in a request's status."""
