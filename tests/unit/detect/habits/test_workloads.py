"""Which workload a slot belongs to."""

import numpy as np

from podvigil.detect.habits.workloads import Workloads

UNTOLD = np.full(8, np.nan)


def some(limit: int = 4, capacity: int = 8) -> Workloads:
    return Workloads(capacity=capacity, limit=limit)


def assign(table: Workloads, slots: list[int], names: list[str | None]) -> list[int]:
    return [int(row) for row in table.assign(np.array(slots), names, UNTOLD[: len(slots)])]


def test_replicas_share_a_row_that_outlives_them() -> None:
    table = some()
    assign(table, [0, 1], ["web", "web"])
    row = table.rows[0]
    assert table.rows.tolist() == [row, row, *[-1] * 6]
    table.release(np.array([0, 1]))
    assert assign(table, [5], ["web"]) == [], "the row is the same workload's"
    assert table.rows[5] == row


def test_an_unknown_pod_is_its_own_workload_and_leaves_nothing() -> None:
    table = some()
    table.observe(np.array([True] * 2 + [False] * 6), 0.0)
    assert table.rows[0] != table.rows[1]
    first = table.rows[0]
    table.release(np.array([0]))
    table.observe(np.array([True] * 2 + [False] * 6), 60.0)
    assert table.rows[0] == first
    assert table.groups.rows.tolist() == [0, 1]


def test_a_reused_row_is_told_to_be_forgotten() -> None:
    table = some(limit=2)
    for second, name in enumerate(("a", "b")):
        assign(table, [0], [name])
        table.observe(np.eye(8, dtype=bool)[0], float(second))
        table.release(np.array([0]))
    assert assign(table, [0], ["c"]) == [0], "a was seen longest ago"
    assert assign(table, [1], ["b"]) == [], "b is still known"


def test_a_full_table_refuses_and_counts() -> None:
    table = some(limit=2)
    assign(table, [0, 1, 2], ["a", "b", "c"])
    assert table.rows.tolist()[:3] == [0, 1, -1]
    assert table.without_room == 1
    table.observe(np.array([True] * 3 + [False] * 5), 0.0)
    assert table.rows[2] == -1, "it is not asked again at every sample"


def test_of_many_that_find_the_table_full_the_first_take_what_is_free() -> None:
    table = some(limit=3)
    assign(table, [0, 1, 2], ["a", "b", "c"])
    table.release(np.array([0, 2]))
    # Of the two rows without pods the first goes to a newcomer, the other is its own workload's again.
    assert assign(table, [0, 2, 3, 4, 5, 6], ["d", "c", "e", "b", "f", "g"]) == [0]
    assert table.rows.tolist() == [0, 1, 2, -1, 1, -1, -1, -1]
    assert table.without_room == 3


def test_a_pod_that_comes_back_alone_has_started() -> None:
    table = some(limit=8, capacity=4)
    everyone = np.ones(4, bool)
    table.observe(everyone, 0.0)
    assert np.isnan(table.started).all(), "who was there from the begin may be of any age"
    table.observe(everyone & (np.arange(4) > 0), 60.0)
    table.observe(everyone, 120.0)
    assert table.started[0] == 120.0
    assert np.isnan(table.started[1:]).all()


def test_when_all_come_back_the_samples_were_away() -> None:
    table = some(limit=8, capacity=4)
    for second, there in enumerate((True, False, True)):
        table.observe(np.full(4, there), float(second))
    assert np.isnan(table.started).all()


def test_what_was_told_of_a_start_is_not_guessed_anew() -> None:
    table = some(limit=8, capacity=4)
    table.assign(np.arange(4), ["a", "a", "b", "b"], np.full(4, -500.0))
    everyone = np.ones(4, bool)
    for second, there in enumerate((everyone, everyone & (np.arange(4) > 0), everyone)):
        table.observe(there, float(second))
    assert table.started.tolist() == [-500.0] * 4
