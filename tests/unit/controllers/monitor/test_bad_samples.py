"""Whatever the samples are: unknown or a score, never a crash, and never an alarm made of nothing.

Through all of what the operator runs from a sample to a finding, with the shipped model.
"""

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from podvigil.api.features import MODEL_FEATURES, Feature
from podvigil.api.monitor import ModelMode
from podvigil.controllers.monitor.scoring import Dial, Scoring, Verdict
from podvigil.detect.explain import explain
from podvigil.detect.store import load_model
from podvigil.window.arrays import Array

MODEL: Final = load_model(Path(__file__).parents[4] / "models")
MODES: Final = tuple(ModelMode)
DIALS: Final = (Dial(10.0), Dial(0.1, probability=0.5))
INTERVALS: Final = (1.0, 30.0, 3600.0)
LEVELS: Final = np.array([0.2, 2e8, 5e4, 5e4])
FEW: Final = settings(max_examples=12)

Present = npt.NDArray[np.bool_]


def scoring(
    mode: ModelMode, features: tuple[Feature, ...], interval: float, capacity: int, dial: Dial
) -> Scoring:
    return Scoring(
        mode=mode,
        model=MODEL,
        features=features,
        interval_seconds=interval,
        capacity=capacity,
        dial=dial,
    )


def judged(made: Scoring, history: Array, samples: Array) -> list[Verdict]:
    """Learn from the history, then judge; a pod without any sample of a tick is still there."""
    made.warm_start(history, np.any(np.isfinite(history), axis=2))
    present = np.ones(samples.shape[1], np.bool_)
    return [made.score(sample, present) for sample in samples]


def sound(verdict: Verdict, features: tuple[Feature, ...]) -> None:
    """What holds of every verdict."""
    known = verdict.known
    assert not np.isinf(verdict.scores.score).any()
    assert (verdict.scores.score[known] >= 0).all()
    assert not verdict.over[~known].any(), "what is not known is not abnormal"
    probability = verdict.probability[np.isfinite(verdict.probability)]
    assert ((probability >= 0) & (probability <= 1)).all()
    for slot in range(len(known)):
        shown = explain(verdict.scores, slot, features)
        assert sum(part.share for part in shown) <= 1 + 1e-9
        for part in shown:
            assert all(map(np.isfinite, (part.observed, part.expected, part.low, part.high)))
            assert 0 <= part.low <= part.expected <= part.high


ABSURD = st.sampled_from([0.0, 1.0, 1e-12, -1.0, 1e15, 1e30, 1e300, np.inf, -np.inf, np.nan])


@FEW
@given(
    mode=st.sampled_from(MODES),
    interval=st.sampled_from(INTERVALS),
    dial=st.sampled_from(DIALS),
    values=st.integers(1, 4).flatmap(
        lambda width: hnp.arrays(
            np.float64,
            st.tuples(st.integers(1, 60), st.integers(1, 5), st.just(width)),
            elements=ABSURD | st.floats(0, 1e12),
        )
    ),
    learnt=st.floats(0, 1),
)
def test_no_sample_is_too_bad(
    mode: ModelMode, interval: float, dial: Dial, values: Array, learnt: float
) -> None:
    features = MODEL_FEATURES[: values.shape[2]]
    half = int(learnt * len(values))
    made = scoring(mode, features, interval, values.shape[1], dial)
    for verdict in judged(made, values[:half], values[half:]):
        sound(verdict, features)


@FEW
@given(
    mode=st.sampled_from(MODES),
    interval=st.sampled_from(INTERVALS),
    dial=st.sampled_from(DIALS),
    width=st.integers(1, 4),
    levels=hnp.arrays(np.float64, (6, 4), elements=st.sampled_from([0.0, 1e-9, 1.0, 1e9, 1e15, 1e30])),
    holes=st.sampled_from([0.0, 0.1, 0.9]),
    warm=st.booleans(),
)
def test_constant_series_never_alarm(
    mode: ModelMode,
    interval: float,
    dial: Dial,
    width: int,
    levels: Array,
    holes: float,
    warm: bool,
) -> None:
    features, ticks = MODEL_FEATURES[:width], 150
    series = np.broadcast_to(levels[:, :width], (ticks, 6, width)).copy()
    series[np.random.default_rng(0).random(series.shape) < holes] = np.nan
    half = ticks // 2 if warm else 0
    made = scoring(mode, features, interval, 6, dial)
    for verdict in judged(made, series[:half], series[half:]):
        sound(verdict, features)
        assert not verdict.over.any()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "nothing", [np.nan, -1.0, np.inf, 1e30], ids=["absent", "negative", "infinite", "absurd"]
)
@pytest.mark.parametrize("interval", INTERVALS)
def test_of_what_cannot_be_true_nothing_is_known(mode: ModelMode, nothing: float, interval: float) -> None:
    samples = np.full((120, 4, 4), nothing)
    verdicts = judged(scoring(mode, MODEL_FEATURES, interval, 4, DIALS[1]), samples[:60], samples[60:])
    assert not any(verdict.known.any() or verdict.over.any() for verdict in verdicts)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("interval", INTERVALS)
def test_one_sample_is_unknown(mode: ModelMode, interval: float) -> None:
    only = np.full((1, 4, 4), LEVELS)
    (verdict,) = judged(scoring(mode, MODEL_FEATURES, interval, 4, DIALS[1]), only[:0], only)
    assert not verdict.known.any()
    assert verdict.scores.cold.all()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dial", DIALS, ids=["by-budget", "by-probability"])
def test_the_same_detector_does_alarm_once_something_happens(mode: ModelMode, dial: Dial) -> None:
    # Without this the tests above would pass on a detector that never says anything.
    noise = np.random.default_rng(0).normal(1.0, 0.05, (420, 12, 4))
    series = LEVELS * np.clip(noise, 0.8, 1.2)
    series[410:, 3, 1] *= 20
    verdicts = judged(scoring(mode, MODEL_FEATURES, 60.0, 12, dial), series[:400], series[400:])
    assert not any(verdict.over.any() for verdict in verdicts[:10])
    assert np.flatnonzero(verdicts[-1].over).tolist() == [3]


@pytest.mark.parametrize("mode", MODES)
def test_a_counter_that_was_reset_is_a_hole_and_no_alarm(mode: ModelMode) -> None:
    # A rate over a reset is negative where the source does not mend it.
    noise = np.random.default_rng(0).normal(1.0, 0.05, (400, 6, 4))
    series = LEVELS * np.clip(noise, 0.8, 1.2)
    series[300::7, :, 2:] *= -1
    for verdict in judged(scoring(mode, MODEL_FEATURES, 30.0, 6, DIALS[1]), series[:300], series[300:]):
        assert verdict.known.all(), "the other vitals are still judged"
        assert not verdict.over.any()


@pytest.mark.parametrize(
    "features",
    [
        pytest.param((), id="none"),
        pytest.param((Feature.CPU, Feature.CPU), id="one-twice"),
        pytest.param(tuple(Feature) * 2, id="twelve"),
    ],
)
def test_features_that_no_score_takes_are_named(features: tuple[Feature, ...]) -> None:
    with pytest.raises(ValueError, match=r"the score takes each of cpu, memory, .* at most once"):
        scoring(ModelMode.LSTM, features, 30.0, 1, DIALS[0])


@pytest.mark.parametrize("interval", [0.0, -1.0, np.nan, np.inf])
def test_an_interval_that_cannot_be_is_named(interval: float) -> None:
    with pytest.raises(ValueError, match="interval must be a positive number of seconds"):
        scoring(ModelMode.STATISTICS, MODEL_FEATURES, interval, 1, DIALS[0])
