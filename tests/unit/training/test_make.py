"""From a seed to a model that the operator loads, in the smallest size that has every step."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest

from podvigil.detect.network_input import COLUMNS, INPUTS
from podvigil.detect.store import CALIBRATION_FILE, CELL_FILE, load_model
from podvigil.training.artefact import CARD_FILE, NETWORK_FILE
from podvigil.training.convert import PARITY_LIMIT, PARITY_STEPS, cell_bytes, parity
from podvigil.training.dataset import Purpose, Source
from podvigil.training.make import Plan, main, make
from podvigil.training.network import build_network
from podvigil.training.windows import LENGTH, batch, treat


def small(directory: Path) -> Plan:
    """Every step of making a model, each as small as it can be."""
    return Plan(directory, seed=3, clusters=4, steps=12)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("models")
    make(small(directory))
    return directory


def test_the_model_loads(made: Path) -> None:
    model = load_model(made)
    assert model.version.startswith("generated-3-")
    assert model.calibration.training.seed == 3
    assert {path.name for path in made.iterdir()} == {NETWORK_FILE, CELL_FILE, CALIBRATION_FILE, CARD_FILE}


def test_the_card_names_the_data_and_what_was_measured(made: Path) -> None:
    card = (made / CARD_FILE).read_text()
    assert "Generated clusters: Apache-2.0" in card
    assert "--seed 3 --clusters 4 --steps 12" in card
    assert load_model(made).sha256 in card
    assert "nan" not in card


def test_the_saved_network_is_the_one_in_the_cell(made: Path) -> None:
    network = keras.models.load_model(made / NETWORK_FILE)
    assert cell_bytes(network) == (made / CELL_FILE).read_bytes()


def test_the_same_seed_gives_the_same_weights(made: Path, tmp_path: Path) -> None:
    make(small(tmp_path))
    assert (tmp_path / CELL_FILE).read_bytes() == (made / CELL_FILE).read_bytes()
    assert json.loads((tmp_path / CALIBRATION_FILE).read_text()) == json.loads(
        (made / CALIBRATION_FILE).read_text()
    )


@pytest.mark.parametrize("seed", range(2))
def test_keras_and_the_cell_agree(seed: int) -> None:
    """Also for weights that training has moved far from where they begin."""
    network = build_network(seed)
    rng = np.random.default_rng(seed)
    for weight in network.trainable_variables:
        weight.assign_add(rng.normal(0, 0.1, weight.shape))
    assert PARITY_STEPS == 1_000
    assert parity(network, cell_bytes(network), seed=seed) <= PARITY_LIMIT


def test_parity_notices_other_weights() -> None:
    network = build_network(0)
    content = cell_bytes(network)
    network.get_layer("fault").bias.assign([-4.9])
    assert parity(network, content, steps=20) == pytest.approx(0.1, abs=1e-4)


def test_windows_are_what_the_detector_gives() -> None:
    track = treat(Source(0).cluster(Purpose.TRAIN, 0))
    assert track.x.shape[2] == len(COLUMNS) == INPUTS
    assert np.isfinite(track.x).all()
    drawn = batch([track], np.random.default_rng(0), 16)
    assert drawn.x.shape == (16, LENGTH, INPUTS)
    assert set(np.unique(drawn.fault)) <= {0.0, 1.0}
    assert (drawn.judged.sum(axis=1) > 0).all()
    # What counts as fault or as ordinary life is never an ignored sample of the history.
    assert not drawn.forecast[drawn.fault > 0].any()


def test_a_missing_folder_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "out"), "--data", str(tmp_path)]) == 1
    assert "no file named nezha_*.npz" in capsys.readouterr().err
