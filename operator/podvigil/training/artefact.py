"""Writes a model to disk so that a reader finds the old one, the new one, or a checksum that does not fit."""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import keras
import msgspec

from podvigil.api.features import MODEL_FEATURES
from podvigil.detect.cell import HIDDEN, INPUTS, SLOTS
from podvigil.detect.store import CALIBRATION_FILE, CELL_FILE, FORMAT, Calibration, CellFile, Curve, Training
from podvigil.training.calibrate import FittedCurve

NETWORK_FILE: Final = "model.keras"
CARD_FILE: Final = "README.md"


@dataclass(frozen=True, slots=True)
class Artefact:
    """Everything that `models/` holds."""

    network: keras.Model
    cell: bytes
    calibration: Calibration
    card: str


def calibration(cell: bytes, curve: FittedCurve, beta: float, training: Training) -> Calibration:
    """Describe a cell and its curve."""
    checksum = hashlib.sha256(cell).hexdigest()
    origin = "generated" if len(training.data) == 1 else "real"
    return Calibration(
        format=FORMAT,
        version=f"{origin}-{training.seed}-{checksum[:8]}",
        cell=CellFile(sha256=checksum, inputs=INPUTS, hidden=HIDDEN, slots=SLOTS),
        features=[str(feature) for feature in MODEL_FEATURES],
        beta=beta,
        probability=Curve(list(curve.margin), list(curve.probability), curve.fault_share),
        training=training,
    )


def write(artefact: Artefact, directory: Path) -> None:
    """
    Write all files, each by renaming; the calibration, which names the cell's checksum, comes last.

    Raises: OSError when the directory cannot be written; files already there are then whole.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory, prefix=".new-") as staging:
        new = Path(staging)
        artefact.network.save(new / NETWORK_FILE)
        (new / CELL_FILE).write_bytes(artefact.cell)
        (new / CARD_FILE).write_text(artefact.card, encoding="utf-8")
        text = msgspec.json.format(msgspec.json.encode(artefact.calibration), indent=1)
        (new / CALIBRATION_FILE).write_bytes(text + b"\n")
        for name in (NETWORK_FILE, CARD_FILE, CELL_FILE, CALIBRATION_FILE):
            os.replace(new / name, directory / name)
