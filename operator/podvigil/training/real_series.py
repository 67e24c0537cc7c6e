"""
Reads recorded series that may be used for training, if the user has them; none comes with the project.

A folder of npz files. `nezha_*.npz`: `X` (pods, T, features), `features`, `ts`, `train` index ranges, of
which only the training ranges are used. `nab_uni.npz`, `mscloud_uni.npz`: one array (T, ≥ 2) per series,
value in the second column, used as load curves. Labels are never read: faults are injected.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final
from zipfile import BadZipFile

import numpy as np

from podvigil.detect.store import DataSource
from podvigil.training.cluster import Cluster, Draft, Rng, Values
from podvigil.training.generate import Recipe, with_faults

COLUMNS: Final = {"cpu_m": 1e-3, "mem_mi": 2.0**20, "net_rx": 1.0, "net_tx": 1.0}
"""Their features in our order, and the factor to cores, bytes and bytes/s."""
SHORTEST_SHAPE: Final = 600
"""Samples of a load curve that are worth having."""
FEWEST_STEPS: Final = 200
FEWEST_PODS: Final = 6

SOURCES: Final = {
    "nezha": DataSource("Nezha (training ranges)", "MIT", "https://github.com/IntelligentDDS/Nezha"),
    "nab": DataSource(
        "Numenta Anomaly Benchmark (load curves)",
        "MIT-style, see its repository",
        "https://github.com/numenta/NAB",
    ),
    "mscloud": DataSource(
        "Microsoft cloud monitoring dataset (load curves)",
        "MIT",
        "https://github.com/microsoft/cloud-monitoring-dataset",
    ),
}


class DataError(Exception):
    """A folder or file that was named as training data and cannot be used."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One quiet stretch of a real cluster."""

    interval_seconds: float
    values: Values
    """(T, P, 4), NaN = no sample."""


@dataclass(frozen=True, slots=True)
class RealSeries:
    """What was found in the folder."""

    recordings: tuple[Recording, ...]
    shapes: tuple[Values, ...]
    sources: tuple[DataSource, ...]


def read(directory: Path) -> RealSeries:
    """
    Read every file of the known names.

    Raises: DataError when the folder holds none of them or one of them is not as described above.
    """
    recordings: list[Recording] = []
    shapes: list[Values] = []
    sources: dict[str, DataSource] = {}
    for path in sorted(directory.glob("*.npz")):
        kind = path.stem.split("_")[0]
        if kind not in SOURCES:
            continue
        try:
            with np.load(path, allow_pickle=False) as file:
                if kind == "nezha":
                    recordings += _recordings(file)
                else:
                    shapes += [curve for name in file.files if (curve := _shape(file[name])) is not None]
        except (OSError, BadZipFile, KeyError, ValueError, IndexError) as error:
            raise DataError(f"{path}: not a file of {SOURCES[kind].name}: {error}") from error
        sources[kind] = SOURCES[kind]
    if not sources:
        raise DataError(f"{directory}: no file named {', '.join(f'{kind}_*.npz' for kind in SOURCES)}")
    return RealSeries(tuple(recordings), tuple(shapes), tuple(sources.values()))


def recorded_cluster(recording: Recording, rng: Rng, recipe: Recipe) -> Cluster:
    """Return a varied copy of a recording with injected faults: some pods, other units, perhaps backwards."""
    count = recording.values.shape[1]
    chosen = rng.permutation(count)[: rng.integers(min(FEWEST_PODS, count), count + 1)]
    values = recording.values[:, chosen] * np.exp(rng.normal(0, 0.7, recording.values.shape[2]))
    if rng.random() < 0.3:
        values = values[::-1].copy()
    history = min(int(7200 / recording.interval_seconds), int(0.4 * len(values)))
    draft = Draft.quiet(values, np.arange(len(chosen)), recording.interval_seconds, history)
    draft.present[:] = np.isfinite(values).any(axis=2)
    return with_faults(draft, rng, recipe)


def _recordings(file: np.lib.npyio.NpzFile) -> list[Recording]:
    names = [str(name) for name in file["features"]]
    columns = [names.index(name) for name in COLUMNS]
    interval = float(np.median(np.diff(file["ts"])))
    values = file["X"][:, :, columns].astype(np.float64).transpose(1, 0, 2) * np.array(list(COLUMNS.values()))
    found = []
    for start, end in file["train"]:
        part = values[start:end]
        if (
            len(part) < FEWEST_STEPS
        ):  # there and back: the same quiet life, long enough for an hour's baseline
            part = np.concatenate([part, part[::-1], part])
        found.append(Recording(interval, part))
    return found


def _shape(series: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Values | None:
    if series.ndim != 2 or series.shape[1] < 2 or len(series) < SHORTEST_SHAPE:
        return None
    curve = series[:, 1].astype(np.float64)
    low, high = np.nanquantile(curve, [0.02, 0.98])
    if not high > low:
        return None
    return np.asarray(np.clip((np.nan_to_num(curve, nan=low) - low) / (high - low), -0.2, 3.0))
