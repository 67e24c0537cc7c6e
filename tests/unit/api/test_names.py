"""Names from fingerprints: valid for any input, the same for the same finding, different otherwise."""

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from podvigil.api.base import NAME_MAX
from podvigil.api.names import fingerprint, report_name, request_name

DNS_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
Parts = tuple[str, str, str, str, str, str]
PARTS = st.tuples(
    st.text(max_size=63),
    st.text(max_size=40),
    st.text(max_size=20),
    st.text(max_size=63),
    st.text(max_size=300),
    st.text(),
)


def test_reads_well() -> None:
    name = report_name("shop", "apps/v1", "Deployment", "shop", "cart", "MemoryHigh")
    assert re.fullmatch(r"cart-memoryhigh-[0-9a-f]{10}", name)
    assert re.fullmatch(r"cart-memoryhigh-restart-[0-9a-f]{10}", request_name(name, "Restart", "2026-03-01"))


@given(PARTS)
def test_a_report_has_a_name_the_server_takes(parts: Parts) -> None:
    name = report_name(*parts)
    assert DNS_SUBDOMAIN.fullmatch(name)
    assert len(name) <= NAME_MAX


@given(PARTS, st.text(max_size=40), st.text(max_size=40))
def test_a_request_has_a_name_the_server_takes(parts: Parts, action: str, episode: str) -> None:
    name = request_name(report_name(*parts), action, episode)
    assert DNS_SUBDOMAIN.fullmatch(name)
    assert len(name) <= NAME_MAX


@given(PARTS, PARTS)
def test_another_finding_has_another_name(first: Parts, second: Parts) -> None:
    assert (report_name(*first) == report_name(*second)) is (first == second)


@pytest.mark.parametrize(
    ("first", "second"),
    [(("ab", "c"), ("a", "bc")), (("a", ""), ("", "a")), (("a", "b"), ("b", "a")), (("1:a",), ("a",))],
)
def test_parts_cannot_be_confused(first: tuple[str, ...], second: tuple[str, ...]) -> None:
    assert fingerprint(*first) != fingerprint(*second)


@given(st.text(max_size=40), st.text(max_size=40))
def test_another_episode_may_be_answered_anew(first: str, second: str) -> None:
    assume(first != second)
    report = "cart-memoryhigh-0123456789"
    assert request_name(report, "Restart", first) != request_name(report, "Restart", second)
