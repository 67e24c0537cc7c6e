"""Durations as Kubernetes writes them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podvigil.api.durations import (
    DURATION_MAX,
    DURATION_MAX_LENGTH,
    parse_duration,
    write_about,
    write_duration,
)

WHOLE_SECONDS = st.integers(0, 8760 * 3600).map(lambda s: timedelta(seconds=s))


@given(WHOLE_SECONDS)
def test_what_is_written_is_read_back(value: timedelta) -> None:
    text = write_duration(value)
    assert parse_duration(text) == value
    assert len(text) <= DURATION_MAX_LENGTH


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("1h30m", 5400), ("90m", 5400), ("0s", 0), ("1m1m", 120), ("2160h", 7_776_000)],
)
def test_reads(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


def test_more_than_a_century_is_one() -> None:
    assert parse_duration("999999999999999h") == DURATION_MAX


@pytest.mark.parametrize("text", ["", "30", "s", "30S", "1.5h", "-5s", "30s ", "1d", "500ms", "30s\n", "٣s"])
def test_says_what_to_write_instead(text: str) -> None:
    with pytest.raises(ValueError, match="for example 30s or 1h30m"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [(timedelta(0), "0s"), (timedelta(hours=1, minutes=30), "1h30m"), (timedelta(seconds=-5), "0s")],
)
def test_writes(value: timedelta, text: str) -> None:
    assert write_duration(value) == text


@pytest.mark.parametrize(
    ("minutes", "text"),
    [
        pytest.param(0.0, "1m", id="never-none"),
        pytest.param(17.4, "17m", id="minutes"),
        pytest.param(131.0, "2h10m", id="five-minutes-from-an-hour-on"),
        pytest.param(629.0, "10h", id="hours-from-ten-hours-on"),
        pytest.param(30.4 * 60, "30h", id="more-than-a-day"),
    ],
)
def test_an_estimate_is_not_written_finer_than_it_is(minutes: float, text: str) -> None:
    assert write_about(timedelta(minutes=minutes)) == text
