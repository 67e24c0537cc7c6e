"""The dial, and what it makes of scores."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from podvigil.api.features import MODEL_FEATURES
from podvigil.api.monitor import DetectionSpec, ModelMode
from podvigil.controllers.monitor.scoring import HOLD_RATIO, SETTLING_SECONDS, Dial, Scoring, Verdict
from podvigil.detect.store import Model, load_model
from podvigil.settings import Settings
from podvigil.window.arrays import Array

PODS = 32
INTERVAL = 60.0
LEVELS = np.array([0.2, 2e8, 5e4, 5e4])  # cores, bytes, bytes/s, bytes/s
BUDGET = Dial(1.0)


def steady(ticks: int, pods: int = PODS, *, seed: int = 0) -> Array:
    """Pods that do the same all the time, give or take a twentieth."""
    noise = np.random.default_rng(seed).normal(1.0, 0.05, (ticks, pods, 4))
    values: Array = LEVELS * np.clip(noise, 0.5, 1.5)
    return values


def scoring(*, dial: Dial = BUDGET, capacity: int = PODS, warm: int = 150, **changes: Any) -> Scoring:
    """Starts with two and a half hours of history: eight blocks of 15 minutes of each pod."""
    usual: dict[str, Any] = {"mode": ModelMode.STATISTICS, "model": None, "features": MODEL_FEATURES}
    made = Scoring(interval_seconds=INTERVAL, capacity=capacity, dial=dial, **usual | changes)
    if warm:
        history = steady(warm, capacity)
        made.warm_start(history, np.ones(history.shape[:2], bool))
    return made


def leaking(factor: float = 5.0, pods: int = PODS) -> Array:
    """One sample in which the first pod holds far more memory."""
    values: Array = steady(1, pods, seed=1)[0]
    values[0, 1] *= factor
    return values


def everyone(values: Array) -> np.ndarray:
    return np.ones(len(values), bool)


def after_leak(watch: Scoring, ticks: int = 5, **changes: Any) -> Verdict:
    """What is said once a leak has lasted for some ticks."""
    for _ in range(ticks):
        seen = watch.score(leaking(**changes), everyone(leaking(**changes)))
    return seen


# -- the dial


@pytest.mark.parametrize(
    ("spec", "settings", "dial"),
    [
        pytest.param({}, {}, Dial(0.1), id="the-default-budget"),
        pytest.param({}, {"false_alarms_per_pod_day": 0.2}, Dial(0.2), id="the-settings-budget"),
        pytest.param({}, {"anomaly_threshold": 0.8}, Dial(0.1, 0.8), id="the-settings-threshold-over-their-budget"),
        pytest.param(
            {"false_alarms_per_pod_day": "100m"},
            {"anomaly_threshold": 0.8, "false_alarms_per_pod_day": 5},
            Dial(0.1),
            id="the-monitors-budget-over-the-settings",
        ),
        pytest.param(
            {"threshold_permille": 950},
            {"anomaly_threshold": 0.8, "false_alarms_per_pod_day": 5},
            Dial(5.0, 0.95),
            id="the-monitors-threshold-over-all",
        ),
        pytest.param(
            {"threshold_permille": 950, "false_alarms_per_pod_day": "2"},
            {},
            Dial(2.0, 0.95),
            id="the-monitors-threshold-over-its-own-budget",
        ),
        pytest.param({"false_alarms_per_pod_day": "0.25"}, {}, Dial(0.25), id="a-quantity-with-a-point"),
    ],
)  # fmt: skip
def test_who_sets_the_dial(spec: dict[str, Any], settings: dict[str, Any], dial: Dial) -> None:
    assert Dial.of(DetectionSpec(**spec), Settings(**settings)) == dial


# -- the verdict


def test_a_leak_is_over_and_its_neighbours_are_not() -> None:
    seen = after_leak(scoring())
    assert seen.threshold is not None
    assert seen.over.tolist() == [True, *[False] * (PODS - 1)]
    assert seen.scores.score[0] > seen.threshold
    assert seen.probability[0] > seen.probability[1:].max()


def test_until_enough_was_seen_nobody_is_over() -> None:
    watch = scoring(warm=0)
    for tick in steady(50):
        seen = watch.score(tick, everyone(tick))
    seen = after_leak(watch)
    assert seen.known.any(), "pods are scored"
    assert seen.threshold is None, "but nobody knows yet what is much"
    assert not (seen.over | seen.held).any()
    assert np.isnan(seen.probability).all()


@pytest.mark.parametrize("dial", [BUDGET, Dial(1.0, 0.9)], ids=["budget", "probability"])
def test_what_is_nearly_over_is_held(dial: Dial) -> None:
    seen = after_leak(scoring(dial=dial))
    assert (seen.held | ~seen.over).all(), "whoever is over is held"
    watch = scoring(dial=dial)
    between = []
    for factor in np.geomspace(1.0, 50.0, 41):
        said = watch.score(leaking(factor), everyone(leaking(factor)))
        assert said.threshold is not None
        measure, limit = (
            (said.scores.score[0], said.threshold)
            if dial.probability is None
            else (said.probability[0], dial.probability)
        )
        assert (said.over[0], said.held[0]) == (measure >= limit, measure >= HOLD_RATIO * limit)
        between.append(bool(said.held[0] and not said.over[0]))
    assert any(between), "some of these lie between the two bounds"


def test_a_smaller_budget_has_a_higher_threshold() -> None:
    restless = steady(150) * np.random.default_rng(3).lognormal(0.0, 0.8, (150, PODS, 4))
    found = []
    for budget in (10.0, 1.0, 0.01):
        watch = scoring(dial=Dial(budget), warm=0)
        watch.warm_start(restless, np.ones(restless.shape[:2], bool))
        found.append(after_leak(watch).threshold)
    known = [threshold for threshold in found if threshold is not None]
    assert len(known) == 3
    assert known[0] < known[1] < known[2]


def test_the_probability_means_the_same_whatever_the_budget() -> None:
    one, other = (after_leak(scoring(dial=Dial(budget))).probability for budget in (1.0, 0.01))
    np.testing.assert_array_equal(one, other)


def test_a_threshold_of_probability_decides_alone() -> None:
    assert after_leak(scoring(dial=Dial(0.0001, 0.5))).over[0]
    assert not after_leak(scoring(dial=Dial(100.0, 1.0)), factor=1.3).over[0]


def test_a_pod_without_a_sample_is_unknown_and_never_over() -> None:
    watch = scoring()
    after_leak(watch)
    values = leaking()
    values[0] = np.nan
    seen = watch.score(values, everyone(values))
    assert seen.known.tolist() == [False, *[True] * (PODS - 1)]
    assert not seen.over[0]
    assert not seen.held[0]
    assert np.isnan(seen.probability[0])


# -- slots


def test_a_new_pod_is_settled_after_five_minutes_with_a_score() -> None:
    watch = scoring()
    watch.release(np.array([0], np.intp))
    watch.adopt(0, [0, 1, 2])
    settled = []
    for tick in steady(8, seed=2):
        seen = watch.score(tick, everyone(tick))
        settled.append(bool(seen.settled[0]))
        assert seen.settled[1:].all()
    # 5 samples of 60 s: the fifth tick.
    assert settled.index(True) == SETTLING_SECONDS / INTERVAL - 1
    assert settled == sorted(settled)


def test_a_pod_without_an_old_sibling_is_adopted_by_nobody() -> None:
    watch = scoring()
    watch.release(np.array([0, 1], np.intp))
    watch.adopt(0, [0, 1])
    seen = watch.score(leaking(), everyone(leaking()))
    assert not seen.over[0]


def test_more_slots_are_new_pods() -> None:
    watch = scoring()
    watch.fit(PODS + 8)
    watch.fit(PODS)  # never smaller
    values = leaking(pods=PODS + 8)
    seen = watch.score(values, everyone(values))
    assert seen.over.shape == (PODS + 8,)
    assert not seen.settled[PODS:].any()
    assert seen.settled[:PODS].all()


def test_a_slot_given_since_the_last_score_can_be_released() -> None:
    watch = scoring()
    watch.fit(PODS + 8)
    watch.release(np.array([0, PODS + 3], np.intp))
    values = leaking(pods=PODS + 8)
    assert watch.score(values, everyone(values)).over.shape == (PODS + 8,)


def test_ticks_that_fell_out_are_no_samples() -> None:
    watch = scoring()
    watch.skip(0)
    watch.skip(90)  # more than the window holds
    assert watch.score(leaking(), everyone(leaking())).threshold is not None


# -- the model


@pytest.fixture(scope="module")
def model() -> Model:
    return load_model(Path(__file__).parents[4] / "models")


def test_with_a_model_the_network_scores(model: Model) -> None:
    seen = after_leak(scoring(mode=ModelMode.LSTM, model=model))
    assert seen.over.tolist() == [True, *[False] * (PODS - 1)]
    statistics = after_leak(scoring())
    assert seen.scores.score[0] != statistics.scores.score[0]


@pytest.mark.parametrize("mode", ModelMode)
def test_without_a_model_every_mode_still_scores(mode: ModelMode) -> None:
    assert after_leak(scoring(mode=mode)).over[0]


def test_without_a_model_lstm_is_the_statistics() -> None:
    one, other = (after_leak(scoring(mode=m)) for m in (ModelMode.LSTM, ModelMode.STATISTICS))
    np.testing.assert_array_equal(one.scores.score, other.scores.score)
