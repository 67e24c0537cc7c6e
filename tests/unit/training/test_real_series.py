"""Recorded series from a user's folder."""

from pathlib import Path

import numpy as np
import pytest

from podvigil.training.dataset import Purpose, Source
from podvigil.training.generate import ANYTHING
from podvigil.training.real_series import DataError, read, recorded_cluster


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One file of each shape that is known, made up."""
    rng = np.random.default_rng(0)
    series = np.exp(rng.normal([2, 5, 0, 7, 7], 0.1, (9, 500, 5))).astype(np.float32)
    series[2, 100:140] = np.nan
    np.savez(
        tmp_path / "nezha_made_up.npz",
        X=series,
        features=["cpu_m", "mem_mi", "other", "net_rx", "net_tx"],
        ts=np.arange(500) * 60,
        train=[[0, 400], [400, 450]],
    )
    curve = np.stack([np.arange(1000.0), np.sin(np.arange(1000) / 50), np.zeros(1000)], axis=1)
    np.savez(tmp_path / "nab_uni.npz", long=curve, short=curve[:100], flat=curve * [1, 0, 0])
    np.savez(tmp_path / "something_else.npz", X=series)
    return tmp_path


def test_known_files_are_read_and_named(folder: Path) -> None:
    real = read(folder)
    assert [source.licence for source in real.sources] == ["MIT-style, see its repository", "MIT"]
    assert len(real.shapes) == 1  # the short and the flat one are of no use
    assert real.shapes[0].min() >= -0.2
    whole, mirrored = real.recordings
    assert whole.interval_seconds == 60
    assert whole.values.shape == (400, 9, 4)
    assert mirrored.values.shape == (150, 9, 4)  # 50 samples there, back and there again
    with np.load(folder / "nezha_made_up.npz") as file:
        np.testing.assert_allclose(whole.values[7, 0, :2], file["X"][0, 7, :2] * [1e-3, 2**20])


def test_a_recorded_cluster_has_faults_and_keeps_absences(folder: Path) -> None:
    recording = read(folder).recordings[0]
    made = recorded_cluster(recording, np.random.default_rng(3), ANYTHING)
    assert made.faults
    assert made.present.shape[1] >= 6
    assert np.isnan(made.values[~made.present]).all()


def test_recordings_are_trained_on_only(folder: Path) -> None:
    with_data, without = Source(0, read(folder)), Source(0)
    assert any(with_data.cluster(Purpose.TRAIN, n).interval_seconds == 60 for n in range(6))
    one, other = (source.cluster(Purpose.CHECK, 1) for source in (with_data, without))
    np.testing.assert_array_equal(one.values, other.values)
    assert len(with_data.data) == 3
    assert len(without.data) == 1


def test_a_folder_without_series_says_what_it_looked_for(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nezha_\*\.npz, nab_\*\.npz, mscloud_\*\.npz"):
        read(tmp_path)


def no_archive(folder: Path) -> None:
    (folder / "nezha_made_up.npz").write_bytes(b"PK no archive")


def other_features(folder: Path) -> None:
    np.savez(
        folder / "nezha_made_up.npz", X=np.zeros((2, 9, 1)), features=["x"], ts=np.arange(9), train=[[0, 9]]
    )


def no_ranges(folder: Path) -> None:
    np.savez(folder / "nezha_made_up.npz", X=np.zeros((2, 9, 1)))


@pytest.mark.parametrize("spoil", [no_archive, other_features, no_ranges])
def test_a_bad_file_is_named(folder: Path, spoil: object) -> None:
    assert callable(spoil)
    spoil(folder)
    with pytest.raises(DataError, match=r"nezha_made_up\.npz: not a file of Nezha"):
        read(folder)
