"""The columns are what their names say; the weights depend on their order."""

from itertools import pairwise

import numpy as np
import pytest

from podvigil.api.features import MODEL_FEATURES, Feature
from podvigil.detect.network_input import COLUMNS, INPUTS, NetworkInput, NetworkInputs
from podvigil.detect.treatment import Treatment


def observed(
    features: tuple[Feature, ...], values: np.ndarray, present: np.ndarray, interval: float = 60.0
) -> list[NetworkInput]:
    pods = values.shape[1]
    treatment = Treatment(features=features, interval_seconds=interval, capacity=pods)
    inputs = NetworkInputs(features=features, interval_seconds=interval, capacity=pods)
    return [
        inputs.observe(treatment.observe(sample, there), treatment.reference.level)
        for sample, there in zip(values, present, strict=True)
    ]


def column(given: NetworkInput, name: str) -> np.ndarray:
    return given.x[:, COLUMNS.index(name)]


def series(ticks: int, pods: int, features: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.gamma(9.0, 10.0, (ticks, pods, features)), np.ones((ticks, pods), bool)


def test_the_order_is_for_ever() -> None:
    assert INPUTS == len(set(COLUMNS)) == 24
    assert COLUMNS[0] == "deviation.cpu"
    assert COLUMNS[4] == "context.cpu"
    assert COLUMNS[8] == "level.cpu"
    assert COLUMNS[12] == "scale.cpu"
    assert COLUMNS[16:] == ("hasTransmit", "age", "young", "absent", "cold", "interval", "quick", "slow")


def test_what_a_source_lacks_stays_zero() -> None:
    values, present = series(40, 5, 2)
    last = observed((Feature.MEMORY, Feature.NETWORK_RECEIVE), values, present)[-1]
    for name in ("cpu", "networkTransmit"):
        for group in ("deviation", "context", "level", "scale"):
            assert (column(last, f"{group}.{name}") == 0).all()
    assert (column(last, "hasTransmit") == 0).all()
    assert (column(last, "deviation.memory") != 0).all()


def test_flags() -> None:
    values, present = series(80, 4, 4)
    present[75:, 0] = False
    present[:77, 1] = False
    last = observed(MODEL_FEATURES, values, present)[-1]
    assert column(last, "absent").tolist() == [1, 0, 0, 0]
    assert column(last, "cold").tolist() == [0, 1, 0, 0]
    assert column(last, "young").tolist() == [1, 1, 0, 0]
    assert column(last, "age") == pytest.approx([0, 3 / 60, 1, 1])
    assert (column(last, "interval") == 1).all()  # log2(60 / 30)
    assert (column(last, "hasTransmit") == 1).all()


def test_a_gap_keeps_the_size_of_the_pod() -> None:
    values, present = series(40, 4, 4)
    present[39, 0] = False
    before, last = observed(MODEL_FEATURES, values, present)[-2:]
    assert column(last, "level.cpu")[0] == pytest.approx(column(before, "level.cpu")[0])
    assert column(last, "deviation.cpu")[0] == 0


def test_the_previous_deviation_is_the_previous_sample() -> None:
    values, present = series(30, 3, 4)
    got = observed(MODEL_FEATURES, values, present)
    assert (got[0].previous_u == got[0].x[:, :4]).all()
    for before, after in pairwise(got):
        np.testing.assert_array_equal(after.previous_u, before.x[:, :4])


def test_everything_is_finite_and_small() -> None:
    values, present = series(60, 3, 4)
    values[20:, 0] = 0.0
    values[30:, 1] = 1e15
    values[40:, 2] = np.nan
    for given in observed(MODEL_FEATURES, values, present):
        assert np.isfinite(given.x).all()
        assert np.isfinite(given.evidence).all()
        assert np.abs(given.x[:, :8]).max() <= 8
        assert np.abs(given.x).max() < 60
