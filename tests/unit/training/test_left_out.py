"""Every type of fault is left out once, and what was found is written down."""

from podvigil.training.faults import FAULTS
from podvigil.training.judge import Figures
from podvigil.training.left_out import GROUPS, Row, page


def test_every_type_is_in_one_group() -> None:
    assert sorted(kind for kinds in GROUPS.values() for kind in kinds) == sorted(FAULTS)


def test_a_row_of_the_page() -> None:
    found = Figures(3, 2.0, {"Pause": 1}, {"Pause": 3, "NetworkLoss": 1}, (30.0,))
    written = page([Row("stillness", "statistics alone", found)], "the command")
    # 1 of 4 faults seen, 3 alarms in 2 pod-days
    assert "| stillness | statistics alone | 4 | 0.250 | 1.50 | 30 |" in written
    assert "Made by `the command`." in written
