"""The generated days: labels are exact, held against the same world without what is labelled."""

from functools import cache

import numpy as np
import pytest
from days.draw import CHANGES, draw
from days.labels import KINDS, Labelled, differs, kinds, labelled
from days.programs import FEWEST_PODS, FEWEST_WORKLOADS, MOST_PODS, MOST_WORKLOADS
from days.render import render
from days.run import CLUSTERS, DEVELOPMENT_SEEDS, TEST_SEEDS
from days.world import DAY, HOUR, Floats, Happening, Mask, Negative, Positive, World

from podvigil.evaluate.labels import FAULT, IGNORED, NORMAL

STANDING = {Negative.FLAT_SERIES, Negative.DAILY_LOAD, Negative.WEEKLY_LOAD, Negative.AFTER_FAULT}
"""What nobody does to a cluster: what the load is like, and what a fault leaves."""


@cache
def world(number: int) -> World:
    return draw(1, number, history_days=1, judged_days=2)


@cache
def with_labels(number: int) -> Labelled:
    return labelled(world(number))


@cache
def values(number: int) -> Floats:
    return render(world(number)).values


def one_of(kind: Negative | Positive) -> tuple[int, Happening]:
    """A happening of this kind in the judged days of one of the first worlds."""
    for number in range(CLUSTERS):
        for happening in world(number).happenings:
            if happening.kind is kind and happening.end > world(number).judged_from:
                return number, happening
    raise AssertionError(f"no {kind} in {CLUSTERS} worlds")


def what_changes(number: int, happening: Happening) -> Mask:
    """(T, P): where the world would be another without it."""
    return differs(values(number), render(world(number).without(happening)).values)


def at(number: int, happening: Happening) -> Mask:
    """(T, P): where it is labelled."""
    inside = np.zeros(values(number).shape[:2], np.bool_)
    inside[happening.start : happening.end, happening.pods] = True
    return inside


@pytest.mark.parametrize("kind", Positive)
def test_a_fault_is_labelled_where_it_changes_something_and_nowhere_else(kind: Positive) -> None:
    number, fault = one_of(kind)
    changed, inside = what_changes(number, fault), at(number, fault)
    states = with_labels(number).states.T
    sampled = np.isfinite(values(number)).any(axis=2)  # a pod that was killed has none
    assert (inside & sampled).any()
    assert changed[inside & sampled].all()
    assert (states[inside & sampled] == FAULT).all()
    assert (states[changed & ~inside] != NORMAL).all()


@pytest.mark.parametrize("kind", [kind for kind in Negative if kind not in STANDING])
def test_an_operation_changes_nothing_outside_its_label(kind: Negative) -> None:
    number, operation = one_of(kind)
    changed, inside = what_changes(number, operation), at(number, operation)
    assert changed[inside].any()
    if not operation.lasting:
        assert not changed[~inside].any()
    assert not changed[: operation.start].any()
    others = np.setdiff1d(np.arange(len(world(number).pods)), operation.pods)
    assert not changed[: operation.end, others].any()


def test_outside_faults_the_world_is_the_one_without_any() -> None:
    states = with_labels(0).states.T
    clean = render(world(0).without(*world(0).faults)).values
    np.testing.assert_array_equal(values(0)[states == NORMAL], clean[states == NORMAL])
    assert differs(values(0), clean)[states == FAULT].all()


def test_a_leak_is_nobodys_to_see_until_it_shows() -> None:
    number, leak = one_of(Positive.LEAK_SLOW)
    begin = leak.effects[0].start
    assert begin < leak.start
    assert (with_labels(number).states[leak.pods[0], begin : leak.start] == IGNORED).all()


@pytest.mark.parametrize("seed", [*DEVELOPMENT_SEEDS, *TEST_SEEDS])
def test_every_kind_is_in_the_judged_days_of_a_seed(seed: int) -> None:
    worlds = [draw(seed, number) for number in range(CLUSTERS)]
    faults = {str(f.kind) for one in worlds for f in one.faults if f.start >= one.judged_from}
    assert faults == set(Positive)
    normal = {KINDS[kind] for one in worlds for kind in np.unique(kinds(one)[one.judged_from :])}
    assert normal == set(Negative) - {Negative.AFTER_FAULT}


def test_the_hours_after_a_fault_are_a_kind_of_their_own() -> None:
    number, fault = one_of(Positive.LEVEL_SHIFT)
    after = with_labels(number).kinds[fault.pods[0], fault.end : fault.end + 6 * HOUR]
    late = with_labels(number).kinds[fault.pods[0], : fault.start]
    assert KINDS.index(Negative.AFTER_FAULT) in after
    assert not (after < KINDS.index(Negative.AFTER_FAULT)).any()
    assert (late < KINDS.index(Negative.AFTER_FAULT)).any()


@pytest.mark.parametrize("number", range(4))
def test_a_world_is_as_promised(number: int) -> None:
    one = draw(1, number)
    assert one.steps == 8 * DAY
    assert one.judged_from == 6 * DAY
    assert one.start % 86_400 == 0
    assert FEWEST_WORKLOADS <= len(one.workloads) <= MOST_WORKLOADS
    assert FEWEST_PODS <= sum(pod.from_start for pod in one.pods) <= MOST_PODS


def test_samples_are_possible() -> None:
    samples = render(world(1))
    known = np.isfinite(samples.values)
    assert (samples.values[known] >= 0).all()
    assert not known[~samples.present].any()
    limits = np.array([world(1).workloads[pod.workload].cpu_limit for pod in world(1).pods])
    assert (np.nan_to_num(samples.values[:, :, 0]) <= limits).all()
    # A pod without samples of its own is out of a gap, or not there: each other sample has a CPU or a memory.
    assert known[samples.present][:, :2].any(axis=1).mean() > 0.95


def test_the_clocks_change_on_a_sunday_of_the_calendar() -> None:
    changed = draw(1, 0)
    day = changed.start // 86_400 + changed.judged_from // DAY
    assert day in {day for day, _ in CHANGES}
    assert [h.kind for h in changed.happenings].count(Negative.DAYLIGHT_SAVING) == 1


def test_the_same_numbers_make_the_same_world_and_others_another() -> None:
    again = draw(1, 0, history_days=1, judged_days=2)
    assert again == world(0)
    np.testing.assert_array_equal(render(again).values, values(0))
    assert draw(2, 0, history_days=1, judged_days=2) != world(0)
    assert draw(1, 4, history_days=1, judged_days=2) != world(0)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        pytest.param({"seed": -1, "cluster": 0}, "seed -1", id="negative-seed"),
        pytest.param({"seed": 1, "cluster": -2}, "cluster -2", id="negative-cluster"),
        pytest.param({"seed": 1, "cluster": 0, "history_days": 0}, "0 and 2 days", id="no-history"),
        pytest.param({"seed": 1, "cluster": 0, "judged_days": 0}, "6 and 0 days", id="nothing-judged"),
    ],
)
def test_an_impossible_world_is_an_error(given: dict[str, int], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        draw(**given)
