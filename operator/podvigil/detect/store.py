"""
Reads a model from disk: the one place in `detect` that touches files.

A model is a directory (in a cluster: a mounted ConfigMap) with `cell.tflite`, which LiteRT runs, and
`calibration.json`, which says what the cell is and how its scores become probabilities. `model.keras`
lies beside them for training only and is never read here. A model is taken whole or not at all: every
fault is a `ModelError`, upon which the analyst goes on with the statistics alone.
"""

import hashlib
import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Final

import msgspec
import numpy as np

from podvigil.api.features import MODEL_FEATURES
from podvigil.detect.cell import HIDDEN, INPUTS, SLOTS, Cell, LiteRTCell, UnusableCell
from podvigil.detect.probability import ProbabilityCurve

FORMAT: Final = 1
"""Version of `calibration.json`. A higher one is refused: it may mean something that we would misread."""
CELL_FILE: Final = "cell.tflite"
CALIBRATION_FILE: Final = "calibration.json"
MAX_CELL_BYTES: Final = 768 * 1024
"""A ConfigMap holds 1 MiB, base64 included; what is larger did not come from us."""
MAX_CALIBRATION_BYTES: Final = 128 * 1024

_MEND: Final = "run `make model`, or put back the directory of a release"


class ModelError(Exception):
    """A model that cannot be used: what is wrong, with which file, and what to do about it."""

    def __init__(self, where: Path, what: str, mend: str = _MEND) -> None:
        super().__init__(f"{where}: {what}; {mend}")
        self.where = where
        self.what = what
        self.mend = mend


class _Strict(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A part of `calibration.json`; an unknown or missing key is a fault, not a default."""


class CellFile(_Strict, frozen=True):
    """What `cell.tflite` must be."""

    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    inputs: int
    hidden: int
    slots: int


class Curve(_Strict, frozen=True):
    """
    Probability of a fault by margin (score − threshold at one false alarm per pod-day).

    Both ascending, at least two points; flat beyond the ends.
    """

    margin: Annotated[list[float], msgspec.Meta(min_length=2, max_length=1024)]
    probability: Annotated[list[float], msgspec.Meta(min_length=2, max_length=1024)]
    fault_share: Annotated[float, msgspec.Meta(gt=0, lt=1)]
    """Share of samples at fault that the probabilities assume; they fall with it."""


class DataSource(_Strict, frozen=True):
    """Something the weights were trained on."""

    name: str
    licence: str
    address: str


class Training(_Strict, frozen=True):
    """How to make the same model again."""

    command: str
    seed: int
    clusters: int
    steps: int
    data: Annotated[list[DataSource], msgspec.Meta(min_length=1)]


class Calibration(_Strict, frozen=True):
    """The whole of `calibration.json`."""

    format: int
    version: Annotated[str, msgspec.Meta(min_length=1, max_length=63)]
    """Shown in the monitor's status; names the training data, seed and weights."""
    cell: CellFile
    features: list[str]
    beta: Annotated[float, msgspec.Meta(ge=0, le=10)]
    """Sigma units that one unit of the fault logit adds to the score."""
    probability: Curve
    training: Training


class _Header(msgspec.Struct):
    """Enough to refuse a newer format by its name and not by its unknown keys."""

    format: int


@dataclass(frozen=True, slots=True)
class Model:
    """A model that is ready to score."""

    cell: Cell
    probability: ProbabilityCurve
    calibration: Calibration

    @property
    def version(self) -> str:
        """What people call it."""
        return self.calibration.version

    @property
    def sha256(self) -> str:
        """Checksum of the cell, which tells two models of one version apart."""
        return self.calibration.cell.sha256

    @property
    def beta(self) -> float:
        """Sigma units that one unit of the fault logit adds to the score."""
        return self.calibration.beta


def load_model(directory: Path) -> Model:
    """
    Read and check a model; blocks for some milliseconds.

    Raises: ModelError for anything missing, truncated, altered, of another shape or of a newer format.
    """
    calibration_path, cell_path = directory / CALIBRATION_FILE, directory / CELL_FILE
    calibration = _decoded(calibration_path, _content(calibration_path, MAX_CALIBRATION_BYTES))
    content = _content(cell_path, MAX_CELL_BYTES)
    checksum = hashlib.sha256(content).hexdigest()
    if checksum != calibration.cell.sha256:
        raise ModelError(
            cell_path,
            f"sha256 of its {len(content)} bytes is {checksum}, {CALIBRATION_FILE} names {calibration.cell.sha256}",
        )
    try:
        cell = LiteRTCell(content)
    except UnusableCell as error:
        raise ModelError(cell_path, str(error)) from error
    curve = ProbabilityCurve(
        margin=np.array(calibration.probability.margin),
        probability=np.array(calibration.probability.probability),
    )
    return Model(cell=cell, probability=curve, calibration=calibration)


def _content(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise ModelError(path, f"cannot be read ({error.strerror})") from error
    if not content:
        raise ModelError(path, "is empty")
    if len(content) > limit:
        raise ModelError(path, f"is larger than {limit} bytes")
    return content


def _decoded(path: Path, content: bytes) -> Calibration:
    try:
        header = msgspec.json.decode(content, type=_Header)
        if header.format > FORMAT:
            raise ModelError(
                path,
                f"has format {header.format}, this version reads up to {FORMAT}",
                "upgrade Podvigil, or use a model made with this version",
            )
        calibration = msgspec.json.decode(content, type=Calibration)
    except (msgspec.DecodeError, RecursionError) as error:  # the second: nested thousands deep
        raise ModelError(path, f"is not a calibration: {error}") from error
    if fault := _fault(calibration):
        raise ModelError(path, fault)
    return calibration


def _fault(calibration: Calibration) -> str | None:
    """Name the first thing in which the values disagree with this version or with each other."""
    cell, curve = calibration.cell, calibration.probability
    if calibration.format != FORMAT:
        return f"`format` is {calibration.format}, wanted {FORMAT}"
    if (shape := (cell.inputs, cell.hidden, cell.slots)) != (INPUTS, HIDDEN, SLOTS):
        return f"`cell` has (inputs, hidden, slots) {shape}, wanted {(INPUTS, HIDDEN, SLOTS)}"
    if calibration.features != list(MODEL_FEATURES):
        return f"`features` is {calibration.features}, wanted {list(MODEL_FEATURES)}"
    if len(curve.margin) != len(curve.probability):
        return f"`probability` has {len(curve.margin)} margins and {len(curve.probability)} probabilities"
    if not all(math.isfinite(value) for value in (*curve.margin, *curve.probability)):
        return "`probability` holds a value that is not finite"
    if any(later <= earlier for earlier, later in pairwise(curve.margin)):
        return "`probability.margin` does not ascend"
    if any(later < earlier for earlier, later in pairwise(curve.probability)):
        return "`probability.probability` descends"
    if not 0 <= curve.probability[0] <= curve.probability[-1] <= 1:
        return "`probability.probability` leaves 0 to 1"
    return None
