"""Objects of our kinds as far as this version can read them."""

import logging
from collections.abc import Iterable

from podvigil.cluster.client import Json
from podvigil.remediate.observe.gather import Model, Unreadable, read

logger = logging.getLogger(__name__)


def readable(model: type[Model], bodies: Iterable[Json], what: str) -> list[Model]:
    """Read each; those of another version are left out, and the log names them.

    Args:
        what: one of them, as the log calls it: a report.
    """
    found = []
    for body in bodies:
        try:
            found.append(read(model, body))
        except Unreadable as error:
            logger.warning("Cannot read %s", what, extra={"why": str(error)})
    return found
