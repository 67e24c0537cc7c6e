"""What the process is put together with."""

import asyncio
import logging
from collections.abc import AsyncIterator
from itertools import islice

import pytest

from podvigil.app import Unwearied, tell_quietly


def test_kopfs_retries_never_end_and_begin_anew_for_each_request() -> None:
    waits = Unwearied()
    first, second = list(islice(waits, 1000)), list(islice(waits, 1000))
    assert first == second
    assert first[0] == 1.0
    assert max(first) == first[-1] == 10.0


def test_a_watch_that_minds_being_closed_at_the_end_makes_no_noise(caplog: pytest.LogCaptureFixture) -> None:
    async def watch() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            raise RuntimeError("it was in the middle of an answer")

    watching = watch()

    async def run() -> None:
        await anext(watching)
        asyncio.get_running_loop().set_exception_handler(tell_quietly)

    with caplog.at_level(logging.DEBUG):
        asyncio.run(run())
    assert [record.levelname for record in caplog.records if record.levelno > logging.DEBUG] == []
    assert any("middle of an answer" in str(vars(record)) for record in caplog.records)
