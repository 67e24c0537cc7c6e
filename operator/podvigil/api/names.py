"""Names made from a fingerprint: the same finding has the same name, so a second create is a 409."""

import hashlib
import re
from typing import Final

FINGERPRINT_LENGTH: Final = 10
"""40 bits: among 10,000 objects of a namespace a collision has odds of 5e-5."""

STEM_MAX: Final = 180
"""Leaves room for the suffix within the 253 characters of a DNS subdomain."""


def fingerprint(*parts: str) -> str:
    """Return a short stable digest; the order of the parts matters, their lengths cannot be confused."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{len(part)}:{part}".encode())
    return digest.hexdigest()[:FINGERPRINT_LENGTH]


def report_name(monitor: str, api_version: str, kind: str, namespace: str, name: str, signal: str) -> str:
    """Name a monitor's report about one signal of one target, e.g. `cart-memoryhigh-1f0c22ab34`.

    The monitor is part of the fingerprint: two that watch the same pods judge by dials of their own.
    """
    return _named(f"{name}-{signal}", fingerprint(monitor, api_version, kind, namespace, name, signal))


def request_name(report: str, action: str, episode: str, number: int = 1) -> str:
    """Name the request for one action in one episode of a report.

    Args:
        report: the report's name.
        episode: when the episode began; a new episode may be answered anew.
        number: the how manieth request for this action in the episode it is.
    """
    stem = report.rsplit("-", 1)[0]
    again = (str(number),) if number > 1 else ()
    return _named(f"{stem}-{action}", fingerprint(report, action, episode, *again))


def _named(stem: str, digest: str) -> str:
    clean = re.sub(r"[^a-z0-9.-]+", "-", stem.lower())
    # A dot parts two labels, and neither may begin or end with a dash or be empty.
    clean = re.sub(r"-*\.[-.]*", ".", clean)[:STEM_MAX].strip("-.")
    return f"{clean}-{digest}" if clean else digest
