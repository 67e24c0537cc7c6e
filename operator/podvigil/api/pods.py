"""How a pod and its owner are named across the packages."""

from dataclasses import dataclass
from typing import NamedTuple


class PodKey(NamedTuple):
    """A pod by name; a replacement of the same name has the same key and another uid."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True, order=True)
class Workload:
    """What owns a pod: the object that a person would repair. A bare pod owns itself."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"
