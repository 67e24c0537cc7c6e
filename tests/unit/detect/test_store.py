"""Reading a model: the shipped one loads, and every fault is named with its file and its mend."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from podvigil.api.features import MODEL_FEATURES
from podvigil.detect.cell import HIDDEN, INPUTS
from podvigil.detect.store import (
    CALIBRATION_FILE,
    CELL_FILE,
    FORMAT,
    MAX_CALIBRATION_BYTES,
    MAX_CELL_BYTES,
    ModelError,
    load_model,
)

SHIPPED = Path(__file__).parents[3] / "models"


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A copy of what a mounted ConfigMap holds: `model.keras` is not among it."""
    for name in (CELL_FILE, CALIBRATION_FILE):
        shutil.copy(SHIPPED / name, tmp_path / name)
    return tmp_path


def test_the_shipped_model_loads(models: Path) -> None:
    model = load_model(models)
    assert (model.cell.inputs, model.cell.hidden) == (INPUTS, HIDDEN)
    assert model.calibration.features == [str(feature) for feature in MODEL_FEATURES]
    assert model.version.endswith(model.sha256[:8])
    assert 0 <= model.probability.probability[0] < model.probability.probability[-1] <= 1
    assert model.beta >= 0


def edited(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def edit(directory: Path) -> None:
        path = directory / CALIBRATION_FILE
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))

    return edit


def written(name: str, content: bytes) -> Callable[[Path], None]:
    def write(directory: Path) -> None:
        (directory / name).write_bytes(content)

    return write


def removed(name: str) -> Callable[[Path], None]:
    def remove(directory: Path) -> None:
        (directory / name).unlink()

    return remove


def truncated(name: str) -> Callable[[Path], None]:
    def truncate(directory: Path) -> None:
        content = (directory / name).read_bytes()
        (directory / name).write_bytes(content[: len(content) // 2])

    return truncate


def flipped(directory: Path) -> None:
    content = bytearray((directory / CELL_FILE).read_bytes())
    content[len(content) // 2] ^= 1
    (directory / CELL_FILE).write_bytes(bytes(content))


def another_network(directory: Path) -> None:
    """A file with the right checksum that LiteRT cannot read."""
    import hashlib

    content = b"no network"
    (directory / CELL_FILE).write_bytes(content)
    edited(lambda c: c["cell"].update(sha256=hashlib.sha256(content).hexdigest()))(directory)


FAULTS = [
    pytest.param(removed(CELL_FILE), CELL_FILE, "cannot be read", id="no-cell"),
    pytest.param(removed(CALIBRATION_FILE), CALIBRATION_FILE, "cannot be read", id="no-calibration"),
    pytest.param(written(CELL_FILE, b""), CELL_FILE, "is empty", id="empty-cell"),
    pytest.param(written(CALIBRATION_FILE, b""), CALIBRATION_FILE, "is empty", id="empty-calibration"),
    pytest.param(truncated(CELL_FILE), CELL_FILE, "sha256", id="truncated-cell"),
    pytest.param(truncated(CALIBRATION_FILE), CALIBRATION_FILE, "not a calibration", id="truncated-json"),
    pytest.param(flipped, CELL_FILE, "sha256", id="one-bit-of-the-cell"),
    pytest.param(another_network, CELL_FILE, "LiteRT cannot read it", id="no-network-at-all"),
    pytest.param(written(CELL_FILE, bytes(MAX_CELL_BYTES + 1)), CELL_FILE, "larger than", id="huge-cell"),
    pytest.param(
        written(CALIBRATION_FILE, b" " * (MAX_CALIBRATION_BYTES + 1)),
        CALIBRATION_FILE,
        "larger than",
        id="huge-calibration",
    ),
    pytest.param(
        written(CALIBRATION_FILE, b"\xff\xfe"), CALIBRATION_FILE, "not a calibration", id="not-utf8"
    ),
    pytest.param(written(CALIBRATION_FILE, b"[]"), CALIBRATION_FILE, "not a calibration", id="a-list"),
    pytest.param(
        edited(lambda c: c.update(format=FORMAT + 1)), CALIBRATION_FILE, "has format 2", id="newer-format"
    ),
    pytest.param(
        edited(lambda c: c.update(format=FORMAT + 1, novelty={})),
        CALIBRATION_FILE,
        "has format 2",
        id="newer-format-with-unknown-keys",
    ),
    pytest.param(edited(lambda c: c.update(format=0)), CALIBRATION_FILE, "`format` is 0", id="older-format"),
    pytest.param(
        edited(lambda c: c.update(extra=1)), CALIBRATION_FILE, "unknown field `extra`", id="unknown-key"
    ),
    pytest.param(
        edited(lambda c: c.pop("beta")), CALIBRATION_FILE, "required field `beta`", id="missing-key"
    ),
    pytest.param(edited(lambda c: c.update(beta="x")), CALIBRATION_FILE, "$.beta", id="wrong-type"),
    pytest.param(edited(lambda c: c.update(beta=-1)), CALIBRATION_FILE, "$.beta", id="negative-beta"),
    pytest.param(
        edited(lambda c: c["cell"].update(inputs=30)), CALIBRATION_FILE, "(30, 32, 4)", id="other-shape"
    ),
    pytest.param(
        edited(lambda c: c["features"].reverse()), CALIBRATION_FILE, "`features` is", id="other-order"
    ),
    pytest.param(
        edited(lambda c: c["probability"]["margin"].append(99.0)),
        CALIBRATION_FILE,
        "margins and",
        id="uneven-curve",
    ),
    pytest.param(
        edited(lambda c: c["probability"]["margin"].reverse()),
        CALIBRATION_FILE,
        "does not ascend",
        id="falling-margin",
    ),
    pytest.param(
        edited(lambda c: c["probability"]["probability"].reverse()),
        CALIBRATION_FILE,
        "descends",
        id="falling-curve",
    ),
    pytest.param(
        edited(lambda c: c["probability"]["probability"].__setitem__(-1, 1.5)),
        CALIBRATION_FILE,
        "leaves 0 to 1",
        id="more-than-certain",
    ),
    pytest.param(
        edited(lambda c: c["probability"].update(margin=[], probability=[])),
        CALIBRATION_FILE,
        "$.probability",
        id="no-curve",
    ),
    pytest.param(
        edited(lambda c: c["cell"].update(sha256="0" * 64)),
        CELL_FILE,
        "sha256",
        id="calibration-of-another-cell",
    ),
    pytest.param(
        edited(lambda c: c["cell"].update(sha256="x")), CALIBRATION_FILE, "$.cell.sha256", id="no-checksum"
    ),
]


@pytest.mark.parametrize(("spoil", "where", "what"), FAULTS)
def test_every_fault_is_named(models: Path, spoil: Callable[[Path], None], where: str, what: str) -> None:
    spoil(models)
    with pytest.raises(ModelError) as raised:
        load_model(models)
    assert raised.value.where == models / where
    assert what in str(raised.value)
    assert raised.value.mend in str(raised.value)


def test_a_missing_directory_is_a_fault_too(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="No such file"):
        load_model(tmp_path / "nowhere")


def test_a_newer_format_says_to_upgrade(models: Path) -> None:
    edited(lambda c: c.update(format=FORMAT + 1))(models)
    with pytest.raises(ModelError, match="upgrade Podvigil"):
        load_model(models)


def test_numbers_that_are_not_finite_are_no_json(models: Path) -> None:
    path = models / CALIBRATION_FILE
    content = json.loads(path.read_text())
    content["probability"]["margin"][0] = float("-inf")
    path.write_text(json.dumps(content))
    with pytest.raises(ModelError, match="not a calibration"):
        load_model(models)
