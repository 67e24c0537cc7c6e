"""Labelled sets, as scorers get them: docs/evaluation.md names the arrays."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from podvigil.evaluate.files import read_labels
from podvigil.evaluate.labels import Labels

Floats = npt.NDArray[np.float64]

FEATURES: Final = (("cpu", "cpu_m"), ("memory", "mem", "mem_mi"), ("net_rx",), ("net_tx",))
"""What the sets call our four, in our order; a set may have only the first of them. Units do not matter."""

UNGATED: Final = ("ccb",)
"""Sets on which nothing is better than chance: they are shown, and say nothing of constants."""

NEEDED: Final = {"X", "y", "ts", "features", "train", "test", "meta", "faults", "pods"}


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """One cluster over some hours."""

    name: str
    source: str
    licence: str
    train: tuple[Floats, ...]
    """The history: each (pods, T, features), without labels."""
    test: tuple[Floats, ...]
    """The ranges that are judged, in the order of `labels.ranges`."""
    labels: Labels
    interval_seconds: float


class NoLabelledSets(Exception):
    """There is nothing to judge on; the text says where, and how to mend it."""


def is_gated(name: str) -> bool:
    """Whether a set of this name says something of constants."""
    return not name.startswith(UNGATED)


def labelled_sets(folder: Path) -> list[LabelledSet]:
    """Read every set in a folder and below, by name; files with other arrays are left alone.

    Raises: NoLabelledSets when there is none.
    """
    if not folder.is_dir():
        raise NoLabelledSets(f"{folder}: no such folder; DATA names the one with the labelled sets")
    found = []
    for path in sorted(folder.rglob("*.npz"), key=lambda path: path.name):
        with np.load(path, allow_pickle=False) as file:
            if set(file.files) >= NEEDED:
                found.append(_read(path, file))
    if not found:
        raise NoLabelledSets(f"{folder}: holds no labelled set; docs/evaluation.md says what one is")
    return found


def _read(path: Path, file: Any) -> LabelledSet:
    names = [str(name) for name in file["features"]]
    columns = []
    for called in FEATURES:
        known = [names.index(name) for name in called if name in names]
        if not known:
            break
        columns.append(known[0])
    values = _filled(file["X"][:, :, columns].astype(np.float32)).astype(np.float64)
    meta = json.loads(str(file["meta"]))
    labels = read_labels(path)
    return LabelledSet(
        name=path.stem,
        source=str(meta.get("source", "")),
        licence=str(meta.get("licence", "")),
        train=tuple(values[:, first:last] for first, last in file["train"]),
        test=tuple(values[:, first:last] for first, last in file["test"]),
        labels=labels,
        interval_seconds=labels.interval_seconds,
    )


def _filled(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Repeat the last value over holes, 0 before the first: most detectors cannot read NaN."""
    known = np.isfinite(values)
    last = np.maximum.accumulate(np.where(known, np.arange(values.shape[1])[:, None], 0), axis=1)
    filled = np.take_along_axis(values, last, axis=1)
    return np.where(np.isfinite(filled), filled, np.float32(0))
