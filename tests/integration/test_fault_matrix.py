"""Every action, and every call that the executor makes for it, met by every answer that an API server can give.

Each story is played round after round until no call is left that has not failed in each way (see faults.matrix). In
each round the request must end, and what it says must agree with the audit log and with the object: a change that
was made is told as made, none is made twice, and what is told as put back is as it was.

All stories: `make fault-matrix`. A few, which meet every fault and every way of ending, are part of `make test`.
"""

import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final

import pytest

from faults.disturbed import with_own_nodes
from faults.matrix import FAULTS, ForEver, Round, play, play_out
from faults.truth import lies
from localcluster.controlplane import ControlPlane
from stories.model import Scenario, Step, all_scenarios

SAMPLE: Final = {
    "restart-one-stuck-pod": ("401", "500", "answer lost"),
    "run-job-helps": ("409", "410", "503"),
    "cordoned-node-stays-in-trouble": ("429", "reset", "time-out"),
    "set-resources-in-place-does-not-help": ("403",),
    "scale-does-not-help": ("400", "404", "422"),
}
"""In `make test`: every fault, in five of the stories."""

AT_ONCE: Final = 8
"""Stories side by side: each waits most of its time."""

TEST_SECONDS: Final = 1800
"""For one story: hundreds of faults, and those of the stories beside it."""

ALL: Final = "PODVIGIL_WHOLE_FAULT_MATRIX"
"""Set by `make fault-matrix`."""


@dataclass(frozen=True)
class Story:
    """A scenario by its name, and what the judge of truth must know of it."""

    scenario: str
    snapshot: str
    """What the action changes: the spec of its target, the node, the pods or the Jobs."""
    whole: int = 1
    """Calls of which the change is made; the others of the scenario put it back."""
    then: tuple[Step, ...] = ()
    """Played after what the scenario says."""
    end: tuple[tuple[str, str], ...] = ()
    """How it ends then."""
    calls: tuple[str, ...] = ()
    """The calls that belong to that."""


EXPIRES: Final = 600
"""Seconds: with time for the faults."""

UNDO: Final = (
    Step(wait={"Succeeded": "True"}),
    Step(rollback="alice"),
    Step(wait={"Succeeded": "False RolledBack"}),
)
"""A person wants the old state back."""

STORIES: Final = (
    Story("restart-helps", "spec"),
    Story("restart-one-stuck-pod", "pods"),
    Story("restart-on-delete", "pods", whole=2),
    Story("scale-does-not-help", "spec"),
    Story(
        "set-resources-for-good",
        "spec",
        then=UNDO,
        end=(("RolledBack", "True RolledBack"), ("Succeeded", "False RolledBack")),
        calls=("patch deployments web",),
    ),
    Story("set-resources-in-place-does-not-help", "pods", whole=2),
    Story("rollback-does-not-help", "spec"),
    Story("run-job-helps", "jobs"),
    Story("run-job-cancelled", "jobs"),
    Story("cordoned-node-stays-in-trouble", "node"),
    Story("uncordon-brings-the-trouble-back", "node"),
    Story("drain-at-the-pace-of-its-budget", "node", whole=3),
    Story("drain-cancelled-midway", "node", whole=3),
)
"""Every action, and every way back that there is."""


REFUSED: Final = frozenset({"Refused", "Failed", "RollbackFailed"})
"""The server would say the same again: a change that was not begun is Refused, one that was is given up (Failed), a way
back that a person wants is RollbackFailed."""

MISSING: Final = REFUSED | {"Inconclusive"}
"""What is not there cannot be changed; what was changed before cannot be judged, nor put back."""

MAY_END: Final = {"400": REFUSED, "403": REFUSED, "422": REFUSED, "404": MISSING}
"""Outcomes of the request that a fault allows besides the story's own. After any other fault (it may pass, so it is
tried again) the story ends as if nothing had been."""

PASSING: Final = tuple(fault for fault in FAULTS if fault not in MAY_END)

IS_WHOLE: Final = bool(os.environ.get(ALL))

CASES: Final = (
    [(story, faults) for story in STORIES for faults in (PASSING, tuple(MAY_END))]
    if IS_WHOLE
    else [(story, SAMPLE[story.scenario]) for story in STORIES if story.scenario in SAMPLE]
)

SCENARIOS: Final = all_scenarios()


def adapted(story: Story) -> Scenario:
    """The scenario with time for the faults, and nodes of its own."""
    found = with_own_nodes(SCENARIOS[story.scenario])
    return found.model_copy(
        update={
            "plan": found.plan | {"expiresIn": EXPIRES},
            "then": (*found.then, *story.then),
            "preflight": None,
        }
    )


def check(story: Story, played: Round) -> None:
    """Whether a round ended truthfully, and in one of the ways that its faults allow."""
    ending, scenario = played.ending, played.scenario
    assert lies(ending.told, ending.done, whole=story.whole) == [], played
    conditions, expected = ending.told.conditions, scenario.end | dict(story.end)
    others = frozenset[str]().union(*(MAY_END.get(fault, frozenset()) for _, fault in played.faults))
    if others:
        own = expected["Succeeded"].partition(" ")[2]
        assert conditions["Succeeded"].partition(" ")[2] in {own, *others}, played
        return
    assert {kind: conditions.get(kind) for kind in expected} == expected, played
    assert sorted(ending.calls) == sorted((*scenario.calls, *story.calls)), played


LASTING: Final = [
    (story, fault)
    for story, fault in zip(reversed(STORIES), FAULTS, strict=True)
    if IS_WHOLE or fault == "404"
]
"""Each fault for ever on the calls of one action; each action with one fault.

Backwards, so that the lost answer comes to an action of one call: a drain that never hears a word of the budget cannot
say what it waits for, and the story of it waits to read that.
"""

LASTING_EXPIRES: Final = 60
"""Seconds until nobody tries any more: on a busy machine the action is at work well before."""


def check_lasting(story: Story, fault: str, played: Round) -> None:
    """Whether a change that never gets through ended as such."""
    ending = played.ending
    assert played.faults, "the action was at work"
    assert lies(ending.told, ending.done, whole=story.whole) == [], played
    if fault == "answer lost":  # it does get through
        check(story, played)
        return
    outcome = "Refused" if fault in MAY_END and fault != "404" else "Expired"
    assert ending.told.conditions["Succeeded"] == f"False {outcome}", played
    assert ending.calls == (), played


@pytest.fixture(scope="module")
def played(
    installed: ControlPlane, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[dict[str, Future[list[Round]]]]:
    """Each story that was asked for, some at once, by the test's id."""
    folder = tmp_path_factory.mktemp("kubeconfigs")

    def each(story: Story, faults: tuple[str, ...]) -> list[Round]:
        def checked(found: Round) -> None:
            check(story, found)

        return play_out(installed, lambda: adapted(story), faults, folder, story.snapshot, checked)

    def lasting(story: Story, fault: str) -> list[Round]:
        scenario = adapted(story)
        plan = {**scenario.plan, "expiresIn": LASTING_EXPIRES}
        short = scenario.model_copy(update={"plan": plan})
        one = play(installed, short, ForEver(faults=(fault,)), folder, story.snapshot)
        check_lasting(story, fault, one)
        return [one]

    jobs = {named(story, faults): partial(each, story, faults) for story, faults in CASES}
    jobs |= {named(story, ("always", fault)): partial(lasting, story, fault) for story, fault in LASTING}
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        yield {
            name: pool.submit(job)
            for name, job in jobs.items()
            if any(name in item.nodeid for item in request.session.items)
        }
    finally:  # who stops the tests does not wait for those that have not begun
        pool.shutdown(cancel_futures=True)


def named(story: Story, faults: tuple[str, ...]) -> str:
    """The test's id."""
    return f"[{story.scenario}: {', '.join(faults)}]"


@pytest.mark.timeout(TEST_SECONDS)
@pytest.mark.parametrize(("story", "faults"), [pytest.param(*case, id=named(*case)[1:-1]) for case in CASES])
def test_ends_truthfully(
    played: dict[str, Future[list[Round]]], story: Story, faults: tuple[str, ...]
) -> None:
    rounds = played[named(story, faults)].result()
    ends = Counter(one.ending.told.conditions["Succeeded"] for one in rounds)
    failed = [fault for one in rounds for _, fault in one.faults]
    seconds = sum(one.seconds for one in rounds)
    print(
        f"{story.scenario}: {len(failed)} faults in {len(rounds)} rounds and {seconds:.0f} s, which ended {dict(ends)}"
    )
    assert {*failed} == {*faults}


@pytest.mark.timeout(TEST_SECONDS)
@pytest.mark.parametrize(
    ("story", "fault"),
    [pytest.param(story, fault, id=named(story, ("always", fault))[1:-1]) for story, fault in LASTING],
)
def test_what_never_gets_through_ends_so(
    played: dict[str, Future[list[Round]]], story: Story, fault: str
) -> None:
    (one,) = played[named(story, ("always", fault))].result()
    print(
        f"{story.scenario}: {fault} {len(one.faults)} times in {one.seconds:.0f} s, "
        f"ended {one.ending.told.conditions['Succeeded']}"
    )
