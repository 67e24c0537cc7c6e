"""The threshold's constants are judged on what the detector said: the same scores, thresholds estimated anew."""

from pathlib import Path

import numpy as np
import pytest
from constants.registry import OF_THE_THRESHOLD
from constants.vary import Constant, varied
from detection.calibration_report import WHOLE, Case
from detection.leave_out import estimates_left_out, rules_left_out
from detection.streams import Stream, Watched, estimated_again, warm, watched

from podvigil.detect.detector import Mode
from podvigil.detect.store import load_model
from podvigil.evaluate.labels import label

MODELS = Path(__file__).parents[3] / "models"
ABOVE_THE_FLOOR = [one for one in OF_THE_THRESHOLD if one.name != "threshold.LEAST"]
PODS, STEPS = 6, 700


@pytest.fixture(scope="module")
def seen() -> Watched:
    random = np.random.default_rng(0)
    history, judged = (random.gamma(shape, 2.0, (PODS, STEPS, 4)) for shape in (20.0, 50.0))
    labels = label(np.zeros((PODS, STEPS)), 60 * np.arange(STEPS), interval_seconds=60.0)
    stream = Stream("noise", history, judged, labels, 60.0)
    return watched(stream, warm(stream, Mode.Z3, load_model(MODELS)))


def test_with_the_same_constants_it_is_the_same(seen: Watched) -> None:
    again = estimated_again(seen)
    assert again.estimate.tails == seen.estimate.tails
    for budget, margins in seen.estimate.online.items():
        np.testing.assert_array_equal(again.estimate.online[budget], margins)


@pytest.mark.parametrize("constant", ABOVE_THE_FLOOR, ids=lambda one: one.name)
def test_another_constant_is_another_threshold(seen: Watched, constant: Constant) -> None:
    with varied({constant: constant.tried[0]}):
        again = estimated_again(seen)
    assert not np.array_equal(again.estimate.online[1.0], seen.estimate.online[1.0])


def test_each_group_is_left_out(seen: Watched) -> None:
    cases = [Case(name, WHOLE, seen, generated=False) for name in ("a", "b")]
    groups, found = estimates_left_out(cases)
    assert groups == ("a", "b")
    for one in found:
        # Two groups that are the same choose the same, and it is the best there is.
        assert one.chosen[0] == one.chosen[1]
        assert one.left_out == pytest.approx(max(one.means.values()))
        assert one.means[one.constant.shipped] < 0
    rules = rules_left_out(cases)
    assert [rule.name for rule in rules] == ["a", "b"]
    assert all(rule.error == rule.best for rule in rules)
