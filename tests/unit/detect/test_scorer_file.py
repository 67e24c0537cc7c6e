"""The file interface of the benchmark: what is not a sample is not scored as one, and errors name the array."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from detection.scorer import main

SCORER = Path(__file__).parents[3] / "benchmarks" / "detection" / "scorer.py"
MODELS = Path(__file__).parents[3] / "models"
START = 1_700_000_000.0


def pods(seed: int, ticks: int, features: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).gamma(50.0, 2.0, (5, ticks, features))


def seconds(first: int, ticks: int) -> np.ndarray:
    """Times from the `first` minute on."""
    return START + 60.0 * np.arange(first, first + ticks)


GOOD: dict[str, Any] = {
    "train_0": pods(0, 20),
    "train_1": pods(1, 10),
    "test_0": pods(2, 8),
    "test_1": pods(3, 6),
    "interval_s": 60.0,
}
TIMES: dict[str, Any] = {
    "ts_train_0": seconds(0, 20),
    "ts_train_1": seconds(20, 10),
    "ts_test_0": seconds(30, 8),
    "ts_test_1": seconds(38, 6),
}


def write(path: Path, arrays: dict[str, Any]) -> Path:
    np.savez(path, allow_pickle=False, **{name: value for name, value in arrays.items() if value is not None})
    return path


def score(folder: Path, arrays: dict[str, Any], *options: str) -> dict[str, np.ndarray]:
    """The answer, without how long it took."""
    given = write(folder / "in.npz", arrays)
    assert main(["--mode", "Statistics", *options, str(given), str(folder / "out.npz")]) == 0
    with np.load(folder / "out.npz") as file:
        return {name: file[name] for name in file.files if name not in ("fit_s", "score_s")}


def same(left: dict[str, np.ndarray], right: dict[str, np.ndarray]) -> bool:
    return list(left) == list(right) and all(
        np.array_equal(left[name], right[name], equal_nan=True) for name in left
    )


def test_a_file_is_scored(tmp_path: Path) -> None:
    test = pods(2, 60)
    test[1, 30:40, 0] *= 10  # a hog
    test[2, 20:] = np.nan  # a pod that goes away
    test[3, 20:] = test[3, 20]  # one that a file repeats for ever
    given = write(
        tmp_path / "in.npz",
        {"train_0": pods(0, 300), "train_1": pods(1, 40), "test_0": test, "interval_s": 60.0, "seed": 0},
    )
    out = tmp_path / "out.npz"
    done = subprocess.run(
        [sys.executable, str(SCORER), "--mode", "Statistics", str(given), str(out)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer = np.load(out)
    assert answer["train_0"].shape == (5, 300)
    assert answer["train_1"].shape == (5, 40)
    scores = answer["test_0"]
    assert np.isfinite(scores).all()
    assert answer["threshold"] < scores[1, 31:40].min()
    assert np.delete(scores, 1, axis=0)[:, 31:40].max() < scores[1, 31:40].min()
    assert scores[2:4, 40:].max() < 0.01  # fades, since files have no "unknown"
    assert {path.name for path in tmp_path.iterdir()} == {"in.npz", "out.npz"}


def test_the_network_is_asked_in_mode_lstm(tmp_path: Path) -> None:
    with_network = score(tmp_path, GOOD, "--mode", "LSTM", "--model", str(MODELS))
    assert list(with_network) == ["threshold", "train_0", "train_1", "test_0", "test_1"]
    assert all(np.isfinite(scores).all() for name, scores in with_network.items() if name != "threshold")
    assert not same(with_network, score(tmp_path, GOOD))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"test_0": None, "test_1": None}, id="nothing-to-score"),
        pytest.param({"train_1": None}, id="one-range-of-history"),
        pytest.param({"train_1": pods(1, 0), "test_1": pods(3, 0)}, id="ranges-without-samples"),
        pytest.param({"train_0": pods(0, 1), "train_1": None}, id="one-sample"),
        pytest.param({"train_0": np.full((5, 20, 3), np.nan)}, id="nobody-there"),
        pytest.param({"test_0": np.full((5, 8, 3), np.inf)}, id="infinite"),
        pytest.param({"test_0": pods(2, 8).astype(np.float32)}, id="float32"),
        pytest.param({"test_0": pods(2, 8).astype(np.int64)}, id="integers"),
        pytest.param({"interval_s": np.array([60])}, id="interval-of-shape-1"),
        pytest.param({"interval_s": 0.25}, id="four-samples-a-second"),
        pytest.param({"interval_s": 86_400}, id="one-sample-a-day"),
        pytest.param({"more": np.array(["x"]), "train": np.zeros((2, 2)), "workloads": 1}, id="other-arrays"),
        pytest.param({"workload": np.array([0, 0, 1, 1, -1], np.int8)}, id="workload-int8"),
        pytest.param({"workload": np.array([0, 0, 1, 1, 2**64 - 1], np.uint64)}, id="workload-uint64"),
        pytest.param({"workload": np.array([0.0, 0.0, 7.0, 7.0, -1.0])}, id="workload-whole-floats"),
        pytest.param(TIMES, id="times"),
        pytest.param({name: times.astype(np.int64) for name, times in TIMES.items()}, id="integer-times"),
        pytest.param(
            TIMES | {"ts_test_0": seconds(90_000, 8), "ts_test_1": seconds(50_000, 6)},
            id="long-gaps-and-tests-in-any-order",
        ),
        pytest.param(
            TIMES | {"ts_train_0": seconds(-5_000, 20), "ts_test_0": seconds(30, 8) + 5.0 * np.arange(8)},
            id="a-gap-in-the-history-and-late-samples",
        ),
        pytest.param(TIMES | {"ts_test_1": seconds(-900, 6)}, id="a-test-from-before-the-history"),
        pytest.param(TIMES | {"ts_train_1": seconds(-900, 10)}, id="a-history-in-two-parts"),
        pytest.param(
            TIMES | {"ts_test_0": np.concatenate([seconds(30, 4), seconds(32, 4)])},
            id="a-clock-that-is-set-back",
        ),
        pytest.param(
            TIMES | {"ts_test_1": np.concatenate([seconds(38, 3), seconds(900, 3)])}, id="a-gap-in-a-range"
        ),
    ],
)
def test_what_keeps_to_the_form_is_scored(tmp_path: Path, changes: dict[str, Any]) -> None:
    given = GOOD | changes
    answer = score(tmp_path, given)
    wanted = {
        name: values.shape[:2]
        for name, values in given.items()
        if name.startswith(("train_", "test_")) and values is not None
    }
    assert {name: scores.shape for name, scores in answer.items()} == {"threshold": ()} | wanted


def test_a_new_replica_is_judged_by_its_workload(tmp_path: Path) -> None:
    """Pods 0 to 2 double their load at nine, and the rest never; 2 comes on the fifth midnight."""
    day, interval = 48, 1_800.0
    times = START - START % 86_400 + interval * np.arange(4 * day + 24)
    busy = 1.0 + np.clip(np.minimum(times % 86_400 / 3600 - 8, 17 - times % 86_400 / 3600), 0.0, 1.0)
    values = np.random.default_rng(0).normal(1.0, 0.03, (9, len(times), 1))
    values[:3] *= busy[:, None]
    values[2, : 4 * day] = np.nan
    given = {
        "train_0": values[:, : 4 * day],
        "ts_train_0": times[: 4 * day],
        "test_0": values[:, 4 * day :],
        "ts_test_0": times[4 * day :],
        "interval_s": interval,
    }
    known = score(tmp_path, given | {"workload": np.repeat([0, 1], [3, 6])})
    unknown = score(tmp_path, given | {"workload": np.full(9, -1)})
    assert same(unknown, score(tmp_path, given))
    from_nine = slice(18, 22)
    assert known["test_0"][2, from_nine].max() < 0.3
    assert unknown["test_0"][2, from_nine].min() > 0.9


def test_times_say_what_is_missing(tmp_path: Path) -> None:
    usual = score(tmp_path, GOOD | TIMES)
    assert same(usual, score(tmp_path, GOOD | {name: np.int64(times) for name, times in TIMES.items()}))
    # 10 h: more than the hour that a pod is compared with, so that nothing of it is left.
    late = score(tmp_path, GOOD | TIMES | {"ts_test_0": TIMES["ts_test_0"] + 36_000})
    assert np.array_equal(usual["train_0"], late["train_0"])
    assert np.array_equal(usual["test_1"], late["test_1"])
    assert not np.array_equal(usual["test_0"], late["test_0"])


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        pytest.param({"interval_s": None}, "no array `interval_s`", id="no-interval"),
        pytest.param({"interval_s": -1.0}, "`interval_s` is -1.0", id="impossible-interval"),
        pytest.param({"interval_s": np.nan}, "`interval_s` is nan", id="nan-interval"),
        pytest.param({"interval_s": np.inf}, "`interval_s` is inf", id="endless-interval"),
        pytest.param({"interval_s": 1e-310}, "`interval_s` is 1e-310", id="no-interval-to-speak-of"),
        pytest.param({"interval_s": [60.0, 60.0]}, "`interval_s` is (2,)", id="two-intervals"),
        pytest.param({"interval_s": 60 + 0j}, "`interval_s` holds complex128", id="complex-interval"),
        pytest.param({"interval_s": "60"}, "`interval_s` holds <U2", id="text-interval"),
        pytest.param({"train_0": None, "train_1": None}, "no array `train_0`", id="no-history"),
        pytest.param({"train_0": pods(0, 20, 12)}, "`train_0` has 12 features", id="twelve-features"),
        pytest.param({"train_0": pods(0, 20, 0)}, "`train_0` has 0 features", id="no-features"),
        pytest.param({"train_0": np.zeros((0, 20, 3))}, "`train_0` is (0, 20, 3)", id="no-pods"),
        pytest.param(
            {"train_0": pods(0, 0), "train_1": None}, "`train_0` is (5, 0, 3)", id="history-of-no-sample"
        ),
        pytest.param({"train_0": np.zeros(5)}, "`train_0` is (5,)", id="1-d"),
        pytest.param({"train_0": np.zeros((5, 20))}, "`train_0` is (5, 20)", id="2-d"),
        pytest.param({"train_0": np.zeros((5, 20, 3, 1))}, "`train_0` is (5, 20, 3, 1)", id="4-d"),
        pytest.param({"train_0": np.full((5, 20, 3), "x")}, "`train_0` holds <U1", id="text"),
        pytest.param({"test_0": pods(0, 20, 2)}, "`test_0` is (5, 20, 2)", id="another-width"),
        pytest.param({"test_0": pods(0, 20)[:4]}, "`test_0` is (4, 20, 3)", id="other-pods"),
        pytest.param({"train_1": None, "train_2": pods(1, 9)}, "`train_` [0, 2]", id="gap-in-train"),
        pytest.param({"test_1": None, "test_3": pods(1, 9)}, "`test_` [0, 3]", id="gap-in-test"),
        pytest.param({"workload": np.zeros(4, int)}, "`workload` is (4,)", id="workload-of-four"),
        pytest.param({"workload": [0, 0, 1, 1, 1.5]}, "`workload` holds 1.5", id="workload-and-a-half"),
        pytest.param({"workload": [0, 0, 1, 1, np.nan]}, "`workload` holds nan", id="workload-nan"),
        pytest.param({"workload": list("aabbb")}, "`workload` holds <U1", id="workload-text"),
        pytest.param(
            TIMES | {"ts_train_0": None, "ts_train_1": None}, "no `ts_train_0`", id="times-of-tests-alone"
        ),
        pytest.param(
            TIMES | {"ts_test_0": None, "ts_test_1": None}, "no `ts_test_0`", id="times-of-history-alone"
        ),
        pytest.param(TIMES | {"ts_test_1": None}, "no `ts_test_1`", id="times-of-some"),
        pytest.param(
            TIMES | {"ts_test_2": seconds(50, 6)}, "`ts_test_2`, but no `test_2`", id="times-of-none"
        ),
        pytest.param(TIMES | {"ts_test_0": seconds(30, 7)}, "`ts_test_0` is (7,)", id="fewer-times"),
        pytest.param(TIMES | {"ts_test_0": seconds(30, 8)[:, None]}, "`ts_test_0` is (8, 1)", id="2-d-times"),
        pytest.param(TIMES | {"ts_test_0": ["x"] * 8}, "`ts_test_0` holds <U1", id="text-times"),
        pytest.param(TIMES | {"ts_test_0": [np.nan] * 8}, "`ts_test_0` holds nan", id="nan-times"),
        pytest.param(TIMES | {"ts_test_0": [1e30] * 8}, "`ts_test_0` holds 1e+30", id="end-of-time"),
        pytest.param(
            TIMES | {"ts_train_0": seconds(0, 20)[::-1]}, "`ts_train_0` does not rise", id="falling"
        ),
        pytest.param(
            TIMES | {"ts_test_0": np.full(8, seconds(30, 1))}, "`ts_test_0` does not rise", id="standing"
        ),
        pytest.param(
            {name: times * 1000 for name, times in TIMES.items()}, "Unix seconds", id="milliseconds"
        ),
        pytest.param(
            {name: (times - START) * 1000 for name, times in TIMES.items()},
            "Unix seconds",
            id="milliseconds-from-the-start",
        ),
        pytest.param({name: times / 60 for name, times in TIMES.items()}, "Unix seconds", id="minutes"),
    ],
)
def test_a_file_that_cannot_be_scored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], named: str
) -> None:
    given = write(tmp_path / "in.npz", GOOD | changes)
    assert main(["--mode", "Statistics", str(given), str(tmp_path / "out.npz")]) == 2
    said = capsys.readouterr().err
    assert named in said
    assert said.startswith(f"{given}: ")
    assert [path.name for path in tmp_path.iterdir()] == ["in.npz"]


def test_a_model_that_is_not_there_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = write(tmp_path / "in.npz", GOOD)
    assert main(["--model", str(tmp_path / "none"), str(given), str(tmp_path / "out.npz")]) == 2
    assert "none/calibration.json: cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("out", "said"),
    [
        pytest.param("none/out.npz", "a folder that does not exist", id="no-folder"),
        pytest.param("folder", "cannot be written", id="a-folder"),
    ],
)
def test_an_answer_that_cannot_be_written_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], out: str, said: str
) -> None:
    (tmp_path / "folder").mkdir()
    given = write(tmp_path / "in.npz", GOOD)
    assert main(["--mode", "Z3", str(given), str(tmp_path / out)]) == 2
    assert f"{tmp_path / out}: " in (told := capsys.readouterr().err)
    assert said in told
