"""The executor is killed at every step of a restart, and of a scaling that is rolled back.

The stories are those of tests/scenarios: each must end as if nobody had been killed, with the very same calls in the
API server's audit log. Every write of the executor is cut short once: before the API server does it (which
is after everything that came before), or right after, so that the answer is lost with the process.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

import pytest

from faults.kills import Fleet, When
from localcluster.cluster import KwokCluster
from shop import install
from stories.model import Scenario, all_scenarios
from stories.play import Play

STORIES: Final = ("restart-helps", "scale-does-not-help")
"""One without a way back, and one that is rolled back."""

AT_ONCE: Final = 4
STEPS_LEAST: Final = 4
"""Kills in any story: its preflight, its claim, its change and what became of it are written at least."""

WINDOW: Final = "20s"
"""To validate in: a rollout, and the kills on its way."""

WHEN: Final[tuple[When, ...]] = ("before", "after")


@pytest.fixture(scope="module", params=[1], ids=["one-replica"])
def played(
    request: pytest.FixtureRequest, kwok_cluster: KwokCluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[tuple[str, When], Future[int]]]:
    """All stories, a few at once; each future holds how often the executor was killed for it."""
    cluster, scenarios = kwok_cluster.control_plane, all_scenarios()
    install(cluster)

    def play(name: str, when: When) -> int:
        story = Play(cluster, _adapted(scenarios[name]))
        cuts = fleet.cut(story.marks, when)
        story.run()
        return cuts.kills

    with (
        Fleet(cluster, request.param, tmp_path_factory.mktemp("fleet")) as fleet,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        yield {(name, when): pool.submit(play, name, when) for name, when in _asked(request.session)}


def _asked(session: pytest.Session) -> list[tuple[str, When]]:
    """The runs that were selected, so that one can be tried alone."""
    ids = {item.nodeid for item in session.items}
    return [
        (name, when)
        for name in STORIES
        for when in WHEN
        if any("test_kill_matrix" in found and f"{name}-{when}]" in found for found in ids)
    ]


def _adapted(scenario: Scenario) -> Scenario:
    """The story with time for the kills."""
    return scenario.model_copy(update={"plan": {**scenario.plan, "validationWindow": WINDOW}})


@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("name", STORIES)
def test_killed_at_every_step(played: dict[tuple[str, When], Future[int]], name: str, when: When) -> None:
    assert played[name, when].result() >= STEPS_LEAST
