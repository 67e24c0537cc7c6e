"""Whatever happened to a model's files: it loads, or the error names the file and says how to mend it."""

import hashlib
import json
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from podvigil.detect.cell import HIDDEN, INPUTS, SLOTS, CellOutput
from podvigil.detect.store import CALIBRATION_FILE, CELL_FILE, Model, ModelError, load_model

SHIPPED = Path(__file__).parents[3] / "models"
CALIBRATION = (SHIPPED / CALIBRATION_FILE).read_bytes()
CELL = (SHIPPED / CELL_FILE).read_bytes()

ONE_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (CELL_FILE, CALIBRATION_FILE):
        shutil.copy(SHIPPED / name, tmp_path / name)
    return tmp_path


def loaded(folder: Path, spoilt: str) -> Model | None:
    """The model; None when the error was as good as an error can be."""
    try:
        return load_model(folder)
    except ModelError as error:
        said = str(error)
    assert str(folder / spoilt) in said
    assert "run `make model`" in said or "upgrade Podvigil" in said
    assert "\n" not in said
    return None


def stepped(model: Model, pods: int) -> CellOutput:
    """One sample of pods that are as expected."""
    zeros = [np.zeros((pods, width), np.float32) for width in (INPUTS, SLOTS, 1, HIDDEN, HIDDEN, HIDDEN)]
    return model.cell.step(zeros[0], zeros[1], zeros[2][:, 0], *zeros[3:])


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON document but its root."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, child in inner for place in [(*path, key), *places(child, (*path, key))]]


@ONE_FOLDER
@given(place=st.sampled_from(places(json.loads(CALIBRATION))), value=VALUES)
def test_any_value_anywhere_in_the_calibration(folder: Path, place: tuple[Any, ...], value: Any) -> None:
    content = json.loads(CALIBRATION)
    inside = content
    for key in place[:-1]:
        inside = inside[key]
    inside[place[-1]] = value
    (folder / CALIBRATION_FILE).write_text(json.dumps(content))
    loaded(folder, CALIBRATION_FILE)


@ONE_FOLDER
@given(cut=st.integers(0, len(CALIBRATION)), rest=st.binary(max_size=40))
def test_any_bytes_from_anywhere_in_the_calibration(folder: Path, cut: int, rest: bytes) -> None:
    (folder / CALIBRATION_FILE).write_bytes(CALIBRATION[:cut] + rest)
    loaded(folder, CALIBRATION_FILE)


@pytest.mark.parametrize("opening", [b"[", b'{"format":', b'{"format":1,"training":[', b'{"a":'])
def test_a_calibration_nested_beyond_reading(folder: Path, opening: bytes) -> None:
    (folder / CALIBRATION_FILE).write_bytes(opening + b"[" * 100_000)
    assert loaded(folder, CALIBRATION_FILE) is None


@ONE_FOLDER
@given(cut=st.integers(0, len(CELL) - 1))
def test_a_truncated_cell(folder: Path, cut: int) -> None:
    (folder / CELL_FILE).write_bytes(CELL[:cut])
    assert loaded(folder, CELL_FILE) is None


def damaged(seed: int) -> bytes:
    """The cell with some bits turned, some bytes replaced, or its end lost."""
    drawn, content = random.Random(seed), bytearray(CELL)
    kind = seed % 4
    if kind == 0:
        return bytes(content[: drawn.randrange(1, len(content))])
    if kind == 1:
        for _ in range(drawn.randint(1, 8)):
            content[drawn.randrange(len(content))] ^= 1 << drawn.randrange(8)
        return bytes(content)
    start = drawn.randrange(len(content) - 64)
    content[start : start + 64] = bytes(64) if kind == 2 else drawn.randbytes(64)
    return bytes(content)


# Seeds and not Hypothesis: LiteRT is native code, and what it cannot survive must be the same each time.
@pytest.mark.parametrize("seed", range(40))
def test_a_cell_that_was_damaged_before_its_checksum_was_taken(folder: Path, seed: int) -> None:
    content = damaged(seed)
    (folder / CELL_FILE).write_bytes(content)
    calibration = json.loads(CALIBRATION)
    calibration["cell"]["sha256"] = hashlib.sha256(content).hexdigest()
    (folder / CALIBRATION_FILE).write_text(json.dumps(calibration))
    model = loaded(folder, CELL_FILE)
    if model is not None:  # only weights were hit: what it says may be wrong, and is bounded by the detector
        for pods in (0, 1, 257):
            assert len(stepped(model, pods).logit) == pods
