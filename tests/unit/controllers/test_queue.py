"""The work queue: no key twice at once, no key lost, no more than its bound."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from podvigil.controllers.queue import QueueSettings, WorkQueue

TURNS = 50
"""Turns of the loop after which everything that can happen without time passing has happened."""


class Fault(Exception):
    """What a worker may run into."""


async def turns() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)


class Running:
    """A queue at work, with the pauses that it was told to keep after errors."""

    def __init__(
        self,
        work: Callable[[str], Coroutine[Any, Any, float | None]],
        pause_after_error: float = 0.0,
        **settings: Any,
    ) -> None:
        self.queue: WorkQueue[str] = WorkQueue(QueueSettings(**{"workers": 2, **settings}))
        self.stop = asyncio.Event()
        self.pauses: list[float] = []
        self._work = work
        self._pause_after_error = pause_after_error

    def after_error(self, key: str, error: Exception, planned: float) -> float:
        self.pauses.append(planned)
        return self._pause_after_error

    async def __aenter__(self) -> "Running":
        self.task = asyncio.create_task(
            self.queue.run(self._work, self.stop, expected=(Fault,), after_error=self.after_error)
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self.stop.set()
        await self.task


async def test_a_key_that_waits_is_not_added_twice() -> None:
    seen: list[str] = []

    async def work(key: str) -> None:
        seen.append(key)

    async with Running(work) as running:
        for key in ("a", "b", "a", "a"):
            running.queue.add(key)
        await turns()
    assert seen == ["a", "b"]


async def test_a_key_is_never_worked_on_twice_at_once_and_an_addition_meanwhile_is_not_lost() -> None:
    at_work, most, passes = 0, 0, 0
    go_on = asyncio.Event()

    async def work(key: str) -> None:
        nonlocal at_work, most, passes
        at_work, passes = at_work + 1, passes + 1
        most = max(most, at_work)
        await go_on.wait()
        at_work -= 1

    async with Running(work) as running:
        running.queue.add("a")
        await turns()
        running.queue.add("a")
        running.queue.add("a")
        await turns()
        assert passes == 1
        go_on.set()
        await turns()
    assert (most, passes) == (1, 2)


async def test_keys_do_not_wait_for_each_other() -> None:
    done: list[str] = []
    never = asyncio.Event()

    async def work(key: str) -> None:
        if key == "slow":
            await never.wait()
        done.append(key)

    async with Running(work) as running:
        for key in ("slow", "a", "b"):
            running.queue.add(key)
        await turns()
        assert done == ["a", "b"]
        never.set()


async def test_failures_slow_a_key_down_and_a_success_forgives() -> None:
    failures = 7

    async def work(key: str) -> None:
        nonlocal failures
        failures -= 1
        if failures >= 0:
            raise Fault

    async with Running(work, first_backoff_seconds=1.0, last_backoff_seconds=30.0) as running:
        running.queue.add("a")
        await turns()
        assert running.pauses == [1, 2, 4, 8, 16, 30, 30]  # doubling, then the bound
        failures = 1
        running.queue.add("a")
        await turns()
    assert running.pauses[-1] == 1


async def test_an_addition_meanwhile_does_not_cut_a_backoff_short() -> None:
    passes = 0
    running: Running

    async def work(key: str) -> None:
        nonlocal passes
        passes += 1
        running.queue.add("a")
        raise Fault

    running = Running(work, pause_after_error=3600.0)
    async with running:
        running.queue.add("a")
        await turns()
        running.queue.add("a")
        await turns()
        assert passes == 1
        assert running.queue.due_in("a") == pytest.approx(3600, abs=60)


async def test_of_several_delays_the_shortest_counts() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add_after("a", 100)
    queue.add_after("a", 50)
    queue.add_after("a", 200)
    assert queue.due_in("a") == pytest.approx(50, abs=5)
    queue.add("a")
    assert queue.due_in("a") is None
    assert len(queue) == 1


async def test_a_full_queue_drops_and_counts() -> None:
    queue: WorkQueue[str] = WorkQueue(QueueSettings(capacity=2))
    assert queue.add("a")
    assert queue.add_after("b", 100)
    assert not queue.add("c")
    assert not queue.add_after("d", 100)
    assert queue.add("a"), "what is in it already has room"
    assert queue.add("b")
    assert (len(queue), queue.dropped) == (2, 2)


async def test_a_bug_ends_the_queue() -> None:
    async def work(key: str) -> None:
        raise ZeroDivisionError

    stop = asyncio.Event()
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a")
    with pytest.raises(ExceptionGroup) as caught:
        await queue.run(work, stop, expected=(Fault,), after_error=lambda *_: 0.0)
    assert caught.group_contains(ZeroDivisionError)


async def test_stopping_finishes_what_is_under_way_and_starts_nothing_new() -> None:
    done: list[str] = []
    go_on = asyncio.Event()

    async def work(key: str) -> float:
        await go_on.wait()
        done.append(key)
        return 0.001

    running = Running(work, workers=1)
    async with running:
        running.queue.add("a")
        running.queue.add("b")
        await turns()
        running.stop.set()
        go_on.set()
    assert done == ["a"]
