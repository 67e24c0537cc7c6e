"""Since when the passes over a request have failed: what lasts is told, what passes by itself is not."""

from datetime import datetime
from typing import Final

from podvigil.controllers.requests import RequestKey

REMEMBERED: Final = 10_000
"""As many as the queue holds. Beyond this a request that fails always seems to have begun just now."""


class Failing:
    """The requests whose last pass failed, each with the time of the first of the failures in a row."""

    def __init__(self) -> None:
        self._since: dict[RequestKey, datetime] = {}

    def since(self, key: RequestKey, now: datetime) -> datetime:
        """Note a failure, and return when the first one was."""
        if key not in self._since and len(self._since) < REMEMBERED:
            self._since[key] = now
        return self._since.get(key, now)

    def over(self, key: RequestKey) -> None:
        """Forget the failures: a pass has succeeded, or there is none any more."""
        self._since.pop(key, None)
