"""The file interface of the benchmark: what is not a sample is not scored as one, and errors name the array."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

SCORER = Path(__file__).parents[3] / "benchmarks" / "detection" / "scorer.py"


def run(folder: Path, **arrays: Any) -> tuple[subprocess.CompletedProcess[str], Path]:
    np.savez(folder / "in.npz", **arrays)
    out = folder / "out.npz"
    done = subprocess.run(
        [sys.executable, str(SCORER), "--mode", "Statistics", str(folder / "in.npz"), str(out)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done, out


def pods(seed: int, ticks: int, features: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).gamma(50.0, 2.0, (5, ticks, features))


def test_a_file_is_scored(tmp_path: Path) -> None:
    test = pods(2, 60)
    test[1, 30:40, 0] *= 10  # a hog
    test[2, 20:] = np.nan  # a pod that goes away
    test[3, 20:] = test[3, 20]  # one that a file repeats for ever
    done, out = run(tmp_path, train_0=pods(0, 300), train_1=pods(1, 40), test_0=test, interval_s=60.0, seed=0)
    assert done.returncode == 0, done.stderr
    answer = np.load(out)
    assert answer["train_0"].shape == (5, 300)
    assert answer["train_1"].shape == (5, 40)
    scores = answer["test_0"]
    assert np.isfinite(scores).all()
    assert answer["threshold"] < scores[1, 31:40].min()
    assert np.delete(scores, 1, axis=0)[:, 31:40].max() < scores[1, 31:40].min()
    assert scores[2:4, 40:].max() < 0.01  # fades, since files have no "unknown"


@pytest.mark.parametrize(
    ("arrays", "named"),
    [
        pytest.param({"train_0": pods(0, 20)}, "interval_s", id="no-interval"),
        pytest.param({"interval_s": 60.0}, "train_0", id="no-history"),
        pytest.param({"interval_s": -1.0, "train_0": pods(0, 20)}, "interval", id="impossible-interval"),
        pytest.param({"interval_s": 60.0, "train_0": pods(0, 20, 12)}, "12 features", id="twelve-features"),
        pytest.param(
            {"interval_s": 60.0, "train_0": pods(0, 20), "test_0": pods(0, 20, 2)},
            "test_0",
            id="another-width",
        ),
    ],
)
def test_a_file_that_cannot_be_scored(tmp_path: Path, arrays: dict[str, Any], named: str) -> None:
    done, out = run(tmp_path, **arrays)
    assert done.returncode == 2
    assert named in done.stderr
    assert "Traceback" not in done.stderr
    assert not out.exists()
