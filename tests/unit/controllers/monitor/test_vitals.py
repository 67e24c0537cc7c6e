"""Which row is which pod, also when pods come, go, and come back under their name."""

from dataclasses import replace

import numpy as np
import pytest

from podvigil.api.features import MODEL_FEATURES, Feature
from podvigil.api.pods import PodKey
from podvigil.collect.columns import Column
from podvigil.collect.errors import WrongLabels
from podvigil.collect.pods import PodRecord
from podvigil.controllers.monitor.vitals import GROWTH, PodRows
from unit.controllers.monitor.pods import QUERY, column, columns, matrix, pod, selected
from unit.detect.troubles import CART, WEB

WEB_1 = PodKey("shop", "web-1")


def rows_of(*names: str, limit: int = 8) -> PodRows:
    rows = PodRows(limit=limit)
    rows.select(selected(*(pod(n) for n in names)))
    return rows


def test_each_running_pod_has_a_slot() -> None:
    rows = PodRows(limit=8)
    change = rows.select(selected(pod("web-0"), pod("web-1"), pod("web-2", phase="Pending")))
    assert (change.taken, change.released.tolist(), change.without_room) == ((0, 1), [], 0)
    assert len(rows) == 2
    assert rows.present.tolist() == [True, True, *[False] * 6]
    assert (rows.pod(1), rows.slot(WEB_1), rows.workload(1)) == (WEB_1, 1, WEB)
    assert rows.slots_of(WEB.uid) == [0, 1]
    with pytest.raises(KeyError):
        rows.pod(2)


@pytest.mark.parametrize(
    "after",
    [
        pytest.param([pod("web-0")], id="deleted"),
        pytest.param([pod("web-0"), pod("web-1", terminating=True)], id="on-its-way-out"),
        pytest.param([pod("web-0"), pod("web-1", phase="Failed")], id="failed"),
    ],
)
def test_a_pod_without_vitals_gives_its_slot_back(after: list[PodRecord]) -> None:
    rows = rows_of("web-0", "web-1")
    change = rows.select(selected(*after))
    assert (change.taken, change.released.tolist()) == ((), [1])
    assert (rows.slot(WEB_1), rows.slots_of(WEB.uid)) == (None, [0])
    assert rows.present.tolist()[:2] == [True, False]


def test_an_unchanged_selection_changes_nothing() -> None:
    rows = rows_of("web-0", "web-1")
    change = rows.select(selected(pod("web-1"), pod("web-0")))
    assert (change.taken, change.released.tolist()) == ((), [])
    assert rows.slot(WEB_1) == 1


def test_a_pod_replaced_under_its_name_is_another_pod() -> None:
    rows = rows_of("web-0", "web-1")
    change = rows.select(selected(pod("web-0"), pod("web-1", uid="another")))
    # Whoever keeps state by slot must forget the first one, though the slot is the same.
    assert change.released.tolist() == [1]
    assert change.taken == (1,)


def test_a_free_slot_is_used_again() -> None:
    rows = rows_of("web-0", "web-1", "web-2")
    change = rows.select(selected(pod("web-0"), pod("web-2"), pod("web-9")))
    assert (change.released.tolist(), change.taken) == ([1], (1,))
    assert rows.pod(1) == PodKey("shop", "web-9")


def test_an_owner_made_anew_takes_its_pods_over() -> None:
    rows = rows_of("web-1")
    change = rows.select(selected(pod("web-1"), workload=CART))
    assert (change.taken, change.released.tolist()) == ((), [])
    assert rows.workload(0) == CART
    assert (rows.slots_of(WEB.uid), rows.slots_of(CART.uid)) == ([], [0])


class CountedUid(str):
    """A uid that counts how often one was compared with another."""

    compared = 0
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        CountedUid.compared += 1
        return str.__eq__(self, other)


def test_the_slots_of_a_workload_are_had_without_a_look_at_the_others() -> None:
    rows = PodRows(limit=200)
    pods = [pod(f"web-{number}") for number in range(200)]
    every_other = {p.key: replace(WEB, uid=CountedUid(f"uid-{at % 100}")) for at, p in enumerate(pods)}
    rows.select(replace(selected(*pods), workloads=every_other))
    CountedUid.compared = 0
    assert rows.slots_of(CountedUid("uid-7")) == [7, 107]
    assert CountedUid.compared <= 2
    rows.select(replace(selected(*pods[:107]), workloads=every_other))
    assert rows.slots_of("uid-7") == [7]
    rows.select(selected())
    assert rows.slots_of("uid-7") == []


def test_a_full_window_says_how_many_found_no_room_and_takes_them_later() -> None:
    rows = rows_of("web-0", "web-1", limit=2)
    everyone = [pod(f"web-{i}") for i in range(5)]
    assert rows.select(selected(*everyone)).without_room == 3
    assert len(rows) == rows.capacity == 2
    later = rows.select(selected(*everyone[1:]))
    assert (later.taken, later.without_room) == ((0,), 2)


def test_the_arrays_grow_in_steps_up_to_the_limit() -> None:
    rows = PodRows(limit=100)
    assert rows.capacity == GROWTH == 64
    rows.select(selected(*(pod(f"web-{i}") for i in range(65))))
    assert rows.capacity == 100  # two steps would be 128
    assert rows.present.sum() == 65
    rows.select(selected())
    assert (rows.capacity, rows.present.sum()) == (100, 0), "state by slot never has to shrink"


def test_a_sample_is_placed_by_name() -> None:
    rows = rows_of("web-0", "web-1", "web-2", limit=4)
    given = columns({"web-2": 2.0, "unknown": 9.0, "web-0": 0.5})
    given[Feature.CPU] = column({"web-0": np.nan})
    values = rows.sample(given, MODEL_FEATURES)
    assert values.shape == (4, 4)
    np.testing.assert_array_equal(values[:, 0], [np.nan] * 4)
    np.testing.assert_array_equal(values[:, 1], [0.5, np.nan, 2.0, np.nan])


def test_a_history_is_placed_by_name() -> None:
    rows = rows_of("web-0", "web-1", limit=3)
    past = dict.fromkeys(MODEL_FEATURES, matrix({"web-1": [1.0, 2.0], "gone": [9.0, 9.0]}))
    past[Feature.MEMORY] = matrix({"web-0": [3.0, np.nan]})
    values = rows.history(past, MODEL_FEATURES)
    assert values.shape == (2, 3, 4)
    np.testing.assert_array_equal(values[:, :, 0], [[np.nan, 1.0, np.nan], [np.nan, 2.0, np.nan]])
    np.testing.assert_array_equal(values[:, :, 1], [[3.0, np.nan, np.nan], [np.nan] * 3])


@pytest.mark.parametrize(
    "labels",
    [b'{"pod":"web-0"}', b'{"namespace":"shop","pod":""}', b'{"namespace":"shop","instance":"x"}', b"{}"],
)
def test_labels_that_name_no_pod_are_refused_with_the_query(labels: bytes) -> None:
    wrong = Column("http://prometheus", QUERY, [labels], np.array([1.0]))
    with pytest.raises(WrongLabels) as refused:
        rows_of("web-0").sample({Feature.CPU: wrong}, (Feature.CPU,))
    assert QUERY in str(refused.value)


def test_labels_of_pods_long_gone_are_forgotten() -> None:
    rows = rows_of("web-0", limit=1)
    for number in range(50):
        rows.sample({Feature.CPU: column({f"old-{number}": 1.0})}, (Feature.CPU,))
    values = rows.sample({Feature.CPU: column({"web-0": 1.0})}, (Feature.CPU,))
    assert values.tolist() == [[1.0]]
