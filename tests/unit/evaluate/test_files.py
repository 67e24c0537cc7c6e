"""The two files: what is read from them, and what is said when they do not fit."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from podvigil.cli.main import app
from podvigil.evaluate.figures import figures
from podvigil.evaluate.files import read_labels, read_scores
from podvigil.evaluate.labels import FAULT, IGNORED
from podvigil.evaluate.npz import EvaluationError

GOOD: dict[str, Any] = {
    "y": np.array([[0, 0, 1, 1, 0, 0], [0, 0, 0, 0, 0, 0]], np.int8),
    "ts": 60 * np.arange(6),
    "pods": np.array(["a", "b"]),
    "faults": json.dumps([{"pod": "a", "start": 120, "end": 180, "type": "hog"}]),
}
SCORES: dict[str, Any] = {"test_0": np.arange(12.0).reshape(2, 6)}


def written(folder: Path, name: str, arrays: dict[str, Any], **changes: Any) -> Path:
    path = folder / f"{name}.npz"
    np.savez(path, **{k: v for k, v in (arrays | changes).items() if v is not None})
    return path


def test_labels_are_read(tmp_path: Path) -> None:
    labels = read_labels(written(tmp_path, "labels", GOOD))
    assert (labels.pods, labels.interval_seconds, len(labels.ranges)) == (2, 60.0, 1)
    assert [(e.start, e.end, e.pods, e.kind) for e in labels.events] == [(120.0, 180.0, (0,), "hog")]


def test_without_faults_each_run_is_one(tmp_path: Path) -> None:
    y = np.array([[1, 0, 1, 1, 0, 0], [0, 0, 0, 0, 1, 1]], np.int8)
    labels = read_labels(written(tmp_path, "labels", GOOD, y=y, faults=None, pods=None))
    assert [(e.start, e.end, e.pods) for e in labels.events] == [
        (0.0, 0.0, (0,)),
        (120.0, 180.0, (0,)),
        (240.0, 300.0, (1,)),
    ]


def test_what_leaves_no_trace_is_ignored_unless_asked_for(tmp_path: Path) -> None:
    # The end at 180 s + half an interval of 60 s reaches the sample at 180 s, not the one at 240 s.
    faults = json.dumps([{"pods": ["a"], "start": 120, "end": 180, "resource": False}])
    path = written(tmp_path, "labels", GOOD, faults=faults)
    assert read_labels(path).events == ()
    assert read_labels(path).ranges[0].states[0].tolist() == [0, 0, IGNORED, IGNORED, 0, 0]
    assert read_labels(path, every_fault=True).ranges[0].states[0].tolist() == [0, 0, FAULT, FAULT, 0, 0]


def test_a_pod_without_any_value_is_not_there(tmp_path: Path) -> None:
    values = np.ones((2, 6, 3), np.float32)
    values[1, 4] = np.nan
    values[1, 5, 0] = np.nan
    labels = read_labels(written(tmp_path, "labels", GOOD, X=values))
    assert labels.ranges[0].states[1].tolist() == [0, 0, 0, 0, IGNORED, 0]


def test_ranges_and_interval_are_taken_from_the_file(tmp_path: Path) -> None:
    path = written(
        tmp_path, "labels", GOOD, test=[[0, 2], [3, 6]], meta=json.dumps({"interval_s": 30, "x": 1})
    )
    labels = read_labels(path)
    assert [stretch.states.shape for stretch in labels.ranges] == [(2, 2), (2, 3)]
    assert labels.interval_seconds == 30


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"y": None}, "no array `y`", id="no-labels"),
        pytest.param({"ts": None}, "no array `ts`", id="no-times"),
        pytest.param({"y": np.zeros(6)}, "`y` is (6,)", id="flat-labels"),
        pytest.param({"y": np.full((2, 6), np.nan)}, "`y` is NaN at pod 0, sample 0", id="nan-labels"),
        pytest.param({"y": np.full((2, 6), 7)}, "`y` holds 7", id="other-labels"),
        pytest.param({"y": np.array([["x"]])}, "`y` holds <U1", id="text-labels"),
        pytest.param({"ts": np.arange(5)}, "(5,) times", id="fewer-times"),
        pytest.param({"ts": np.array([0, 1, 2, 1, 4, 5])}, "goes back at sample 3", id="unsorted"),
        pytest.param({"ts": np.array([0, 1, 2, 1, 4, 5], np.uint64)}, "goes back at sample 3", id="unsigned"),
        pytest.param({"ts": np.full(6, 1e30)}, "`ts` holds 1e+30", id="end-of-time"),
        pytest.param({"ts": 1_700_000_000_000 + np.arange(6)}, "not milliseconds", id="milliseconds"),
        pytest.param({"ts": np.full(6, np.nan)}, "`ts` holds nan", id="nan-times"),
        pytest.param({"ts": np.zeros(6)}, "the interval is 0.0", id="no-interval"),
        pytest.param({"interval_s": [1.0, 2.0]}, "`interval_s` is (2,)", id="two-intervals"),
        pytest.param({"interval_s": np.nan}, "the interval is nan", id="nan-interval"),
        pytest.param({"y": np.full((2, 6), IGNORED)}, "no sample is labelled", id="all-ignored"),
        pytest.param({"X": np.full((2, 6, 3), np.nan)}, "no sample is labelled", id="nobody-there"),
        pytest.param({"X": np.zeros((2, 6, 0))}, "`X` is (2, 6, 0)", id="samples-of-nothing"),
        pytest.param({"X": np.full((2, 6, 1), "x")}, "`X` holds <U1", id="text-samples"),
        pytest.param({"faults": "[" * 100_000}, "`faults` is not the JSON", id="nested-json"),
        pytest.param({"faults": "[\ud800]"}, "`faults` is not the JSON", id="half-a-character"),
        pytest.param({"test": [[0.5, 2.5]]}, "`test` is [[0.5, 2.5]]", id="half-a-sample"),
        pytest.param({"faults": "["}, "`faults` is not the JSON", id="bad-json"),
        pytest.param({"faults": '[{"start": 1}]'}, "`faults` is not the JSON", id="fault-without-end"),
        pytest.param({"faults": '[{"pod":"c","start":1,"end":2}]'}, "'c', which is not in", id="unknown-pod"),
        pytest.param({"faults": '[{"pod":"a","start":3,"end":2}]'}, "ends before", id="fault-reversed"),
        pytest.param({"pods": None}, "but no pods", id="no-names"),
        pytest.param({"X": np.zeros((2, 5, 1))}, "`X` is (2, 5, 1)", id="other-samples"),
        pytest.param({"test": [[0, 7]]}, "`test` is [[0, 7]]", id="range-outside"),
        pytest.param({"test": [[3, 3]]}, "`test` is [[3, 3]]", id="empty-range"),
    ],
)
def test_labels_that_do_not_fit(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    path = written(tmp_path, "labels", GOOD, **changes)
    with pytest.raises(EvaluationError) as raised:
        read_labels(path)
    assert said in str(raised.value)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"test_0": None}, "has 0 arrays `test_0`", id="no-scores"),
        pytest.param({"test_1": np.zeros((2, 6))}, "has 2 arrays", id="one-too-many"),
        pytest.param({"test_2": np.zeros((2, 6))}, "`test_` [0, 2]", id="a-gap"),
        pytest.param({"test_0": np.zeros((6, 2))}, "(it looks transposed)", id="transposed"),
        pytest.param({"test_0": np.full((2, 6), np.nan)}, "NaN throughout", id="nothing-scored"),
        pytest.param({"train_0": np.zeros((3, 6))}, "`train_0` is (3, 6)", id="other-history"),
        pytest.param({"threshold": [1.0, 2.0]}, "`threshold` is (2,)", id="two-thresholds"),
        pytest.param({"test_0": np.full((2, 6), "x")}, "`test_0` holds <U1", id="text-scores"),
    ],
)
def test_scores_that_do_not_fit(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    labels = read_labels(written(tmp_path, "labels", GOOD))
    path = written(tmp_path, "scores", SCORES, **changes)
    with pytest.raises(EvaluationError) as raised:
        read_scores(path, labels)
    assert said in str(raised.value)


def test_pickles_are_not_opened(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="plain arrays"):
        read_labels(written(tmp_path, "labels", GOOD, y=np.array([{"a": 1}], object)))


def test_a_single_array_is_no_file_of_labels(tmp_path: Path) -> None:
    np.save(tmp_path / "labels.npy", np.zeros(3))
    with pytest.raises(EvaluationError, match="single array"):
        read_labels(tmp_path / "labels.npy")


def test_scores_that_were_not_made_never_alarm(tmp_path: Path) -> None:
    labels = read_labels(written(tmp_path, "labels", GOOD))
    scores = np.array([[-1.0, -2, 5, 5, -1, -1], [-1, -1, np.nan, np.nan, np.inf, -np.inf]])
    # Pod b's one infinite score alarms: one quarter in the 10 normal minutes.
    found = figures(labels, [scores], threshold=-1.5).at_threshold
    assert found is not None
    assert found.recall == 1.0
    scores[1] = np.nan
    scores[0, [0, 1, 4, 5]] = np.nan
    silent = figures(labels, [scores], threshold=4.0).at_threshold
    assert silent is not None
    assert silent.false_alarms_per_pod_day == 0


@pytest.mark.parametrize("threshold", [4.0, 0.0, -3.0, -1e15, -np.inf])
def test_a_pod_that_was_not_scored_never_alarms(tmp_path: Path, threshold: float) -> None:
    """However low the threshold: not scored is not the lowest score."""
    labels = read_labels(written(tmp_path, "labels", GOOD))
    scores = np.array([[-1.0, -2, 5, 5, -1, -1], np.full(6, np.nan)])
    found = figures(labels, [scores], threshold=threshold).at_threshold
    assert found is not None
    # All 4 normal samples of pod a may alarm, in one quarter of an hour of the 10 normal minutes; none of pod b.
    assert found.false_alarms_per_pod_day == (1440 / 10 if threshold <= -1 else 0)
    scores[0, 2:5] = np.nan  # the fault, and the minute of grace after it
    missed = figures(labels, [scores], threshold=threshold)
    assert missed.at_threshold is not None
    assert missed.at_threshold.recall == missed.at_half.recall == 0


def test_a_history_without_a_sample_is_none(tmp_path: Path) -> None:
    labels = read_labels(written(tmp_path, "labels", GOOD))
    given = read_scores(written(tmp_path, "scores", SCORES, train_0=np.zeros((2, 0))), labels)
    assert figures(labels, given.test, history=given.train).at_own_quantile is None


def test_the_command_prints_a_table(tmp_path: Path) -> None:
    labels, scores = written(tmp_path, "labels", GOOD), written(tmp_path, "scores", SCORES, threshold=2.0)
    done = CliRunner().invoke(app, ["evaluate", str(labels), str(scores)])
    assert done.exit_code == 0
    assert "1 faults, 0.0 pod-days" in done.stdout
    assert "at the threshold 2" in done.stdout


def test_the_command_says_when_nothing_keeps_the_budget(tmp_path: Path) -> None:
    labels = written(tmp_path, "labels", GOOD)
    table = {}
    for name, normal in (("kept", 0.0), ("broken", 9.0)):
        scores = np.where(GOOD["y"] == 1, 3.0, normal)
        done = CliRunner().invoke(
            app, ["evaluate", str(labels), str(written(tmp_path, name, {"test_0": scores}))]
        )
        table[name] = done.stdout.splitlines()
    row = "at 1 false alarm per pod-day"
    assert next(line for line in table["kept"] if row in line).split() == [
        *row.split(),
        "0.00",
        "1.00",
        "0",
        "s",
    ]
    assert next(line for line in table["broken"] if row in line).split() == [
        *row.split(), "no", "threshold", "keeps", "it"
    ]  # fmt: skip


def test_the_command_says_when_nothing_finds_the_faults(tmp_path: Path) -> None:
    labels = written(tmp_path, "labels", GOOD)
    # Not scored during the fault, nor in the minute of grace after it.
    scores = written(tmp_path, "scores", {"test_0": [[1, 1, np.nan, np.nan, np.nan, 1], [1] * 6]})
    done = CliRunner().invoke(app, ["evaluate", str(labels), str(scores)])
    assert done.stdout.count("no threshold finds them") == 3


def test_the_command_refuses_a_threshold_that_is_none(tmp_path: Path) -> None:
    labels, scores = written(tmp_path, "labels", GOOD), written(tmp_path, "scores", SCORES)
    done = CliRunner().invoke(app, ["evaluate", str(labels), str(scores), "--threshold", "nan"])
    assert done.exit_code == 2
    assert "--threshold" in done.stderr
    assert "nan is no threshold" in done.stderr


def test_the_command_prints_json(tmp_path: Path) -> None:
    labels = written(tmp_path, "labels", GOOD)
    scores = written(tmp_path, "scores", SCORES, threshold=np.nan)
    done = CliRunner().invoke(app, ["evaluate", str(labels), str(scores), "--json"])
    told = json.loads(done.stdout)
    assert told["faults"] == 1
    assert told["at_threshold"] is None  # the scorer had too little history for one
    given = CliRunner().invoke(app, ["evaluate", str(labels), str(scores), "--json", "--threshold", "2"])
    assert json.loads(given.stdout)["at_threshold"]["recall"] == 1.0


def test_the_command_says_what_is_wrong(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["evaluate", str(tmp_path / "none.npz"), str(tmp_path / "none.npz")])
    assert done.exit_code == 2
    assert "none.npz: cannot be read" in done.stderr
