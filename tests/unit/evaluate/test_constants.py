"""Every constant of the score is varied or said not to be; varying reaches the code, and is undone."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest
from constants.leave_out import all_chosen, left_out
from constants.registry import (
    NOT_OF_THE_SCORE,
    NOT_VARIED,
    OF_HABITS,
    OF_THE_HOUR,
    OF_THE_THRESHOLD,
    of_the_network,
)
from constants.report import Group, report
from constants.run import Known
from constants.subjects import Subject
from constants.vary import Constant, value_at, varied
from detection.scorer import scores_of

from podvigil.api.features import Feature
from podvigil.detect.detector import Mode
from podvigil.evaluate.labels import label
from podvigil.evaluate.samples import Samples

ROOT = Path(__file__).parents[3] / "operator"
BETA = 0.5
ALWAYS = [one for one in OF_THE_HOUR if one.name.startswith(("ring", "score.D", "score.W", "smoothing"))]
"""They change every score; others act on few pods, or not in made-up noise."""
VARIED = (*OF_THE_HOUR, *OF_HABITS, *OF_THE_THRESHOLD, *of_the_network(BETA))


def numbers(path: Path) -> list[str]:
    """Places of a module's constants that are numbers."""
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    found = []
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            place = f"{module}:{statement.target.id}"
            if statement.target.id.isupper() and isinstance(value_at(place), int | float):
                found.append(place)
    return found


def test_no_constant_is_forgotten() -> None:
    paths = [*sorted((ROOT / "podvigil" / "detect").rglob("*.py")), ROOT / "podvigil" / "window" / "ring.py"]
    places = {
        place for path in paths for place in numbers(path) if place.split(":")[0] not in NOT_OF_THE_SCORE
    }
    of_the_score = {place for one in VARIED for place in one.places} | set(NOT_VARIED)
    derived = {"podvigil.window.ring:MAX_STORED", "podvigil.detect.habits.starts:BINS"}
    assert places - of_the_score == derived


DEFAULT = re.compile(r"(\w+): \w+ = ([A-Z][A-Z_]+)[,)\n]")
"""A parameter whose default is a constant: it was bound when the function was made."""


def test_no_constant_hides_in_a_default() -> None:
    hidden = []
    for path in sorted((ROOT / "podvigil" / "detect").rglob("*.py")):
        for parameter, name in DEFAULT.findall(path.read_text(encoding="utf-8")):
            module = path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
            one = next((c for c in VARIED if f"{module}:{name}" in c.places), None)
            if one and not any(place.endswith(f"__kwdefaults__/{parameter}") for place in one.places):
                hidden.append(f"{module}:{name} as {parameter}")
    assert hidden == []


def test_no_weight_is_forgotten() -> None:
    places = {place for one in VARIED for place in one.places}
    for mapping in ("score:WEIGHTS", "terms:RISES", "terms:FALLS"):
        for feature, weight in value_at(f"podvigil.detect.{mapping}").items():
            # CPU and memory weigh 1: what the others are measured by.
            is_unit = feature in (Feature.CPU, Feature.MEMORY) and weight == 1.0
            assert is_unit or f"podvigil.detect.{mapping}/{feature}" in places


@pytest.mark.parametrize("place", [*NOT_VARIED], ids=str)
def test_what_is_not_varied_exists(place: str) -> None:
    value_at(place)


@pytest.mark.parametrize("constant", [one for one in VARIED if one.name != "beta"], ids=lambda one: one.name)
def test_all_places_hold_what_ships_and_hold_it_again(constant: Constant) -> None:
    def held() -> set[float]:
        return {float(value_at(place)) for place in constant.places}

    assert held() == {constant.shipped}
    for value in constant.tried:
        assert value != constant.shipped
        with varied({constant: value}):
            assert held() == {value}
    assert held() == {constant.shipped}


def test_the_networks_bound_is_the_models() -> None:
    [beta, _] = of_the_network(BETA)
    before = value_at(beta.places[0])
    with varied({beta: 0.25}):
        assert value_at(beta.places[0]) == 0.25
    assert value_at(beta.places[0]) is before


def test_a_failure_puts_everything_back() -> None:
    constant = OF_THE_HOUR[0]
    with pytest.raises(RuntimeError, match="in the middle"), varied({constant: 1.0}):
        raise RuntimeError("in the middle")
    assert value_at(constant.places[0]) == constant.shipped


@pytest.mark.parametrize("constant", ALWAYS, ids=lambda one: one.name)
def test_another_value_is_another_score(constant: Constant) -> None:
    values = np.random.default_rng(1).gamma(5.0, 2.0, (6, 400, 4))
    values[0, 300:310] *= 1e4
    samples = Samples(
        interval_seconds=60.0,
        train=(values[:, :200],),
        test=(values[:, 200:],),
        train_times=None,
        test_times=None,
        workload=None,
    )

    def scores() -> np.ndarray:
        return np.asarray(scores_of(samples, Mode.STATISTICS, None)["test_0"])

    shipped = scores()
    with varied({constant: constant.tried[0]}):
        assert not np.array_equal(scores(), shipped)


def test_a_run_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    file, constant = tmp_path / "figures.json", made_up()
    labels = label(np.zeros((1, 1)), np.zeros(1), interval_seconds=60.0)
    subject = Subject("a", Samples(60.0, (), (), None, None, None), labels)
    Known(file, "abc").keep([subject], {constant: 3.0}, Mode.Z3, [0.5])
    again = Known(file, "abc")
    assert again.of(subject, {constant: 3.0}, Mode.Z3) == 0.5
    assert again.of(subject, {constant: 1.0}, Mode.Z3) is None
    assert again.of(subject, {constant: 3.0}, Mode.LSTM) is None
    assert Known(file, "another").of(subject, {constant: 3.0}, Mode.Z3) is None
    assert Known(None, "abc").of(subject, {constant: 3.0}, Mode.Z3) is None


def made_up() -> Constant:
    return Constant("made.UP", (1.0, 3.0), ("constants.vary:SEPARATOR",), 2.0)


def test_each_cluster_is_judged_by_what_the_others_chose() -> None:
    constant = made_up()
    found = left_out(
        constant, [0.5, 0.5, 0.5], {(constant, 1.0): [0.9, 0.4, 0.4], (constant, 3.0): [0.4, 0.7, 0.5]}
    )
    # Without the first 3 is best (.6); without either of the others 1 (.65).
    assert found.chosen == (3.0, 1.0, 1.0)
    assert found.left_out == pytest.approx((0.4 + 0.4 + 0.4) / 3)
    assert found.means == pytest.approx({2.0: 0.5, 1.0: 1.7 / 3, 3.0: 1.6 / 3})
    assert all_chosen([found], 0) == {constant: 3.0}


def test_of_a_tie_the_shipped_value_stays() -> None:
    constant = made_up()
    found = left_out(constant, [0.5, 0.5], {(constant, value): [0.5, 0.5] for value in constant.tried})
    assert found.chosen == (2.0, 2.0)
    assert all_chosen([found], 0) == {}


def test_the_page_names_everything() -> None:
    constant = made_up()
    one = left_out(constant, [0.5, 0.6], {(constant, value): [0.4, 0.7] for value in constant.tried})
    text = report([Group("of the hour", Mode.STATISTICS, ("a", "b"), [0.5, 0.6], [one], [0.4, 0.6])], "abc")
    assert "| `made.UP` | 2 | 1: 0.550, 3: 0.550 | 1 / 2 | 0.500 | 0.550 |" in text
    assert "| mean | 0.550 | 0.500 | |" in text
    assert all(place.removeprefix("podvigil.") in text for place in NOT_VARIED)
