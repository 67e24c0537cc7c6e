"""What every mode of the detector must do, and never do."""

from typing import Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from podvigil.api.features import MODEL_FEATURES, Feature
from podvigil.detect.detector import Detector, Mode, Scores
from podvigil.detect.habits.deviation import BAND
from podvigil.detect.threshold import LEAST
from podvigil.detect.treatment import Treatment
from podvigil.window.arrays import Array
from unit.detect.cells import BrokenCell, RecordingCell

MODES = tuple(Mode)
LEVELS = np.array([0.2, 2e8, 5e4, 5e4])  # cores, bytes, bytes/s, bytes/s


def detector(
    mode: Mode, pods: int, *, features: int = 4, interval: float = 60.0, cell: RecordingCell | None = None
) -> Detector:
    return Detector(
        mode=mode,
        features=MODEL_FEATURES[:features],
        interval_seconds=interval,
        capacity=pods,
        cell=cell or RecordingCell(),
    )


def cluster(ticks: int, pods: int, *, features: int = 4, seed: int = 0) -> Array:
    """Steady pods of different sizes; the sizes are the same whatever the seed."""
    sizes = np.random.default_rng(1).uniform(0.5, 2.0, (pods, 1))
    rng = np.random.default_rng(seed)
    noise = rng.normal(1.0, 0.05, (ticks, pods, features))
    return LEVELS[:features] * np.clip(noise, 0.5, 1.5) * sizes


def there(values: Array) -> np.ndarray:
    return np.ones(values.shape[:2], bool)


def stream(watch: Detector, values: Array, present: np.ndarray | None = None) -> list[Scores]:
    flags = there(values) if present is None else present
    return [watch.observe(sample, flag) for sample, flag in zip(values, flags, strict=True)]


def equal(left: Scores, right: Scores) -> None:
    for name in Scores.__slots__:
        np.testing.assert_allclose(
            getattr(left, name), getattr(right, name), rtol=1e-9, atol=1e-9, err_msg=name
        )


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("feature", range(4), ids=[str(name) for name in MODEL_FEATURES])
def test_a_hog_is_found_and_named(mode: Mode, feature: int) -> None:
    watch = detector(mode, 8)
    values = cluster(150, 8)
    watch.warm_start(values, there(values))
    after = cluster(3, 8)
    after[:, 3, feature] *= 20
    last = stream(watch, after)[-1]
    assert np.argmax(last.score) == 3
    assert last.score[3] > LEAST
    assert np.delete(last.score, 3).max() < LEAST
    assert np.argmax(last.contribution[3]) == feature
    assert last.deviation[3, feature] > 3
    assert last.observed[3, feature] > last.high[3, feature] > last.expected[3, feature]


@pytest.mark.parametrize("mode", [Mode.Z3, Mode.STATISTICS])
def test_what_happens_to_all_is_nobodys_fault(mode: Mode) -> None:
    watch = detector(mode, 8)
    values = cluster(150, 8)
    watch.warm_start(values, there(values))
    last = stream(watch, cluster(3, 8) * 2)[-1]
    assert last.score.max() < LEAST


@pytest.mark.parametrize("mode", MODES)
def test_a_new_pod_is_unknown_until_it_has_three_samples(mode: Mode) -> None:
    watch = detector(mode, 5)
    values = cluster(80, 5)
    present = there(values)
    present[:70, 4] = False
    got = stream(watch, values, present)
    assert np.isnan(got[69].score[4])
    assert not got[69].cold[4]  # absent is not cold
    for tick in (70, 71, 72):
        assert np.isnan(got[tick].score[4])
        assert got[tick].cold[4]
        assert (got[tick].contribution[4] == 0).all()
    assert np.isfinite(got[73].score[4])
    assert not got[73].cold[4]


@pytest.mark.parametrize("mode", MODES)
def test_an_absent_pod_has_no_score(mode: Mode) -> None:
    watch = detector(mode, 5)
    values = cluster(100, 5)
    watch.warm_start(values, there(values))
    gone = there(values[:1])
    gone[0, 2] = False
    (last,) = stream(watch, values[:1], gone)
    assert np.isnan(last.score[2])
    assert np.isnan(last.observed[2]).all()
    assert np.isfinite(np.delete(last.score, 2)).all()


@pytest.mark.parametrize("mode", MODES)
def test_contributions_sum_to_one_and_bands_hold_the_expectation(mode: Mode) -> None:
    watch = detector(mode, 6)
    values = cluster(120, 6)
    got = stream(watch, values)[-1]
    assert got.contribution.sum(axis=1) == pytest.approx(np.ones(6))
    assert (got.low <= got.expected).all()
    assert (got.expected <= got.high).all()
    assert BAND == 3.0


@pytest.mark.parametrize("mode", MODES)
def test_scoring_twice_gives_the_same_twice(mode: Mode) -> None:
    values = cluster(90, 4)
    for left, right in zip(stream(detector(mode, 4), values), stream(detector(mode, 4), values), strict=True):
        equal(left, right)


@pytest.mark.parametrize("mode", MODES)
def test_inputs_are_left_as_they_are(mode: Mode) -> None:
    watch, values = detector(mode, 4), cluster(5, 4)
    values[2, 1, 1] = -5.0
    before, present = values.copy(), there(values)
    stream(watch, values, present)
    np.testing.assert_array_equal(values, before)
    assert present.all()


@pytest.mark.parametrize("mode", MODES)
def test_growing_changes_nothing_for_those_who_are_there(mode: Mode) -> None:
    small, large = detector(mode, 4), detector(mode, 4)
    values = cluster(100, 4)
    stream(small, values[:80])
    stream(large, values[:80])
    large.grow(9)
    assert large.capacity == 9
    wide = np.full((20, 9, 4), np.nan)
    wide[:, :4] = values[80:]
    present = np.zeros((20, 9), bool)
    present[:, :4] = True
    for left, right in zip(stream(small, values[80:]), stream(large, wide, present), strict=True):
        np.testing.assert_allclose(left.score, right.score[:4])
        assert np.isnan(right.score[4:]).all()


@pytest.mark.parametrize("mode", MODES)
def test_a_reused_slot_knows_nothing_of_the_last_pod(mode: Mode) -> None:
    values = cluster(100, 4)
    values[90:, 3] *= 8  # it ended badly
    used, fresh = detector(mode, 4), detector(mode, 4)
    absent = there(values)
    absent[:, 3] = False
    stream(used, values)
    stream(fresh, values, absent)
    used.release(np.array([3]))
    later = cluster(30, 4, seed=7)
    for left, right in zip(stream(used, later), stream(fresh, later), strict=True):
        # The cluster's level remembers the last pod as one of four; the slot itself does not.
        assert np.isnan(left.score[3]) == np.isnan(right.score[3])
        assert np.nan_to_num(left.score[3]) == pytest.approx(np.nan_to_num(right.score[3]), abs=0.2)


@settings(max_examples=30)
@given(
    values=hnp.arrays(
        np.float64,
        st.tuples(st.integers(1, 40), st.integers(1, 5), st.integers(1, 4)),
        elements=st.sampled_from(
            [0.0, 1.0, 1.0, 1.0, 1e-12, -1.0, 1e15, 1e30, 1e300, np.inf, -np.inf, np.nan]
        )
        | st.floats(0, 1e12),
    ),
    interval=st.sampled_from([1.0, 7.0, 30.0, 3600.0]),
    mode=st.sampled_from(MODES),
    data=st.data(),
)
def test_no_input_is_too_bad(values: np.ndarray, interval: float, mode: Mode, data: st.DataObject) -> None:
    present = data.draw(hnp.arrays(np.bool_, values.shape[:2]))
    watch = detector(mode, values.shape[1], features=values.shape[2], interval=interval)
    scores = watch.warm_start(values, present)
    for got in [watch.observe(values[0], present[0])]:
        known = np.isfinite(got.score)
        assert not known[~present[0]].any()
        assert (got.score[known] >= 0).all()
        assert (got.score[known] < 13).all()
        sums = got.contribution.sum(axis=1)
        assert sums == pytest.approx((sums > 0.5) * 1.0, abs=1e-9)
    assert not np.isinf(scores.score).any()


@settings(max_examples=20)
@given(
    level=st.sampled_from([0.0, 1e-9, 1.0, 1e12]),
    features=st.integers(1, 4),
    interval=st.sampled_from([1.0, 30.0, 3600.0]),
    mode=st.sampled_from(MODES),
    holes=st.floats(0, 1),
)
def test_no_alarm_out_of_nothing(
    level: float, features: int, interval: float, mode: Mode, holes: float
) -> None:
    values = np.full((60, 4, features), level)
    values[np.random.default_rng(0).random(values.shape) < holes] = np.nan
    scores = detector(mode, 4, features=features, interval=interval).warm_start(values, there(values))
    assert np.nan_to_num(scores.score).max() < 1e-6


@pytest.mark.parametrize("mode", MODES)
def test_a_gap_in_one_feature_scores_the_others(mode: Mode) -> None:
    watch = detector(mode, 4)
    values = cluster(100, 4)
    watch.warm_start(values, there(values))
    values = cluster(2, 4)
    values[:, 1, 0] = np.nan
    values[:, 1, 1] *= 20
    last = stream(watch, values)[-1]
    assert last.score[1] > LEAST
    assert np.isnan(last.deviation[1, 0])
    assert np.argmax(last.contribution[1]) == 1


@pytest.mark.parametrize("mode", MODES)
def test_warm_start_begins_anew(mode: Mode) -> None:
    values = cluster(100, 4)
    used, fresh = detector(mode, 4), detector(mode, 4)
    stream(used, cluster(50, 4, seed=9) * 30)
    left, right = used.warm_start(values, there(values)), fresh.warm_start(values, there(values))
    np.testing.assert_array_equal(left.score, right.score)


def test_warm_start_scores_from_the_first_sample() -> None:
    values = cluster(100, 4)
    scores = detector(Mode.Z3, 4).warm_start(values, there(values)).score
    assert scores.shape == (100, 4)
    assert np.isfinite(scores).all()  # the long references are learnt from all of the history


def test_an_empty_history_is_a_cold_start() -> None:
    watch = detector(Mode.Z3, 4)
    assert watch.warm_start(np.empty((0, 4, 4)), np.empty((0, 4), bool)).score.shape == (0, 4)
    assert stream(watch, cluster(1, 4))[0].cold.all()


def test_the_logit_raises_the_score_and_a_silent_network_does_not() -> None:
    values = cluster(100, 4)
    quiet = stream(detector(Mode.LSTM, 4, cell=RecordingCell(logit=-3.0)), values)[-1]
    loud = stream(detector(Mode.LSTM, 4, cell=RecordingCell(logit=4.0)), values)[-1]
    assert np.sinh(loud.score) == pytest.approx(np.sinh(quiet.score) + 0.5 * 4.0)


def test_the_networks_expectation_is_taken_off() -> None:
    values = cluster(100, 4)
    values[97:] *= 3
    blind = stream(detector(Mode.LSTM, 4), values)[-1]
    seeing = stream(detector(Mode.LSTM, 4, cell=RecordingCell(expected_u=2.0)), values)[-1]
    assert np.nanmax(seeing.deviation) < np.nanmax(blind.deviation)
    assert (seeing.expected > blind.expected).all()


def test_a_spoilt_network_leaves_the_statistics() -> None:
    values = cluster(100, 4)
    broken = stream(detector(Mode.LSTM, 4, cell=BrokenCell()), values)[-1]
    silent = stream(detector(Mode.LSTM, 4), values)[-1]
    equal(broken, silent)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        pytest.param({"capacity": 0}, "capacity", id="no-slots"),
        pytest.param({"interval_seconds": 0.0}, "interval", id="no-interval"),
        pytest.param({"cell": None}, "network", id="lstm-without-a-network"),
        pytest.param({"features": ()}, "score takes", id="no-features"),
        pytest.param({"features": (Feature.THROTTLING,)}, "score takes", id="no-baseline-for-it"),
    ],
)
def test_a_detector_that_cannot_be(change: dict[str, object], named: str) -> None:
    good = {
        "mode": Mode.LSTM,
        "features": MODEL_FEATURES,
        "interval_seconds": 30.0,
        "capacity": 4,
        "cell": RecordingCell(),
    }
    with pytest.raises(ValueError, match=named):
        Detector(**(good | change))  # type: ignore[arg-type]


def test_a_network_of_another_shape_is_refused() -> None:
    cell = RecordingCell()
    cell.inputs = 20
    with pytest.raises(ValueError, match="20 inputs"):
        detector(Mode.LSTM, 4, cell=cell)


def test_a_sample_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(3, 4\)"):
        detector(Mode.Z3, 4).observe(np.zeros((3, 4)), np.ones(3, bool))


def test_slots_are_not_dropped() -> None:
    with pytest.raises(ValueError, match="shrink"):
        detector(Mode.Z3, 4).grow(3)


AGREES: Final = 1e-9
"""How far the stream may be from the batch: both are float64, and only the order of the sums differs."""


def test_z3_agrees_sample_by_sample_with_a_batch_that_is_written_for_reading() -> None:
    values = cluster(200, 6)
    values[120:135, 0, 0] *= 8.0
    values[150:, 1, 2:] *= 0.1
    values[60:70, 2] = np.nan
    treatment = Treatment(features=MODEL_FEATURES, interval_seconds=60.0, capacity=6)
    treated = [treatment.observe(sample, flags) for sample, flags in zip(values, there(values), strict=True)]
    known = np.array([one.usable.any(axis=1) for one in treated])
    sigma = np.array([np.where(one.usable, np.sinh(one.deviation), np.nan) for one in treated])
    of_all = np.sinh([one.context for one in treated])
    away = np.nan_to_num(np.arcsinh(sigma - of_all[:, None]))
    worst = (np.where(away > 0, away, -0.5 * away) * [1.0, 1.0, 0.5, 0.5]).max(axis=2)
    wanted = np.empty_like(worst)
    smoothed = np.zeros(6)
    for tick, now in enumerate(worst):
        smoothed = smoothed + np.where(now > smoothed, 0.7, 0.35) * (now - smoothed)
        wanted[tick] = smoothed
    got = np.array([one.score for one in stream(detector(Mode.Z3, 6), values)])
    np.testing.assert_allclose(got[known], wanted[known], atol=AGREES)
    assert np.isnan(got[~known]).all()
    assert got[130, 0] > LEAST, "the hog is in it"
