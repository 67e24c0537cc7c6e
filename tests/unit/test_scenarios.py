"""The scenario files can be read, and the page about them is not stale."""

from pathlib import Path

import pytest

from stories.model import all_scenarios, load
from stories.table import page

ROOT = Path(__file__).parents[2]


def test_the_page_is_not_stale() -> None:
    assert (ROOT / "docs/scenarios.md").read_text(encoding="utf-8") == page(), "run `make scenarios`"


@pytest.mark.parametrize("name", all_scenarios())
def test_each_story_says_how_it_ends(name: str) -> None:
    scenario = all_scenarios()[name]
    assert bool(scenario.end) is (scenario.proposal.withheld is None)


def test_a_mistake_names_the_file_and_the_field(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text("story: x\nworld: {worklods: []}\n")
    with pytest.raises(ValueError, match=r"wrong.yaml: world.worklods: Extra inputs"):
        load(path)
