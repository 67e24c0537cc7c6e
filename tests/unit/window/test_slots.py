"""Slots are unique, dense and bounded, whatever comes and goes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podvigil.window.slots import SlotTable


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 12)), max_size=60))
def test_any_coming_and_going(steps: list[tuple[bool, int]]) -> None:
    table: SlotTable[int] = SlotTable(limit=8)
    model: set[int] = set()
    most = 0
    for comes, name in steps:
        if comes:
            slot = table.take(name)
            assert (slot is None) == (name not in model and len(model) == 8)
            if slot is not None:
                model.add(name)
        else:
            assert len(table.release([name])) == (name in model)
            model.discard(name)
        most = max(most, len(model))
        slots = [table.slot(known) for known in model]
        assert set(table) == model
        assert len(set(slots)) == len(model)
        assert all(
            table.name(slot) == known for slot, known in zip(slots, model, strict=True) if slot is not None
        )
        assert table.high_water == most  # never more rows than there were pods at once


def test_the_lowest_free_slot_is_given_first() -> None:
    table: SlotTable[str] = SlotTable(limit=8)
    for name in "abcd":
        table.take(name)
    assert table.release(["c", "a", "never-there"]).tolist() == [2, 0]
    assert (table.take("e"), table.take("f"), table.take("g")) == (0, 2, 4)


def test_a_name_keeps_its_slot() -> None:
    table: SlotTable[str] = SlotTable(limit=1)
    assert table.take("a") == table.take("a") == 0
    assert table.take("b") is None


def test_an_empty_table_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        SlotTable(limit=0)
