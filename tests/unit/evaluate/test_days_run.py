"""`make bench-days`: what it writes, what it says of bad options, and that its files are what anybody can judge."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from days.judge import Answer, Cluster, Days, judge_cluster, pooled, verdict
from days.labels import KINDS
from days.report import report
from days.run import main
from days.world import Negative, Positive

from podvigil.detect.detector import Mode
from podvigil.evaluate.figures import figures
from podvigil.evaluate.files import read_labels
from podvigil.evaluate.labels import FAULT, Event

ROOT = Path(__file__).parents[3]


def test_it_runs_and_writes_down_what_it_found(tmp_path: Path) -> None:
    out = tmp_path / "results" / "days.md"
    given = ["--quick", "--clusters", "1", "--modes", "AdaptiveZ", "--out", str(out), "--jobs", "1"]
    done = subprocess.run(
        [sys.executable, "-m", "days.run", *given],
        env=os.environ | {"PYTHONPATH": f"{ROOT / 'benchmarks'}:{ROOT / 'operator'}"},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    written = out.read_text(encoding="utf-8")
    assert "Seeds 1, 1 clusters each" in written
    assert "| AdaptiveZ |" in written
    rows = {line.split("|")[1].strip() for line in written.splitlines() if line.startswith("| ")}
    assert rows > set(Negative) | set(Positive)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        pytest.param(["--seeds", "-1"], "-1", id="negative-seed"),
        pytest.param(["--seeds", "one"], "one", id="no-number"),
        pytest.param(["--clusters", "0"], "0 is less than 1", id="no-cluster"),
        pytest.param(["--modes", "Magic"], "Magic is none of LSTM", id="unknown-mode"),
        pytest.param(["--quick", "--model", "nowhere"], "nowhere", id="no-model"),
        pytest.param(["--quick", "--modes", "Z3", "--keep", "/dev/null/x"], "/dev/null", id="no-folder"),
    ],
)
def test_bad_options_are_told_in_a_line(
    given: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code: object = main(given)
    except SystemExit as left:  # how argparse refuses
        code = left.code
    assert code == 2
    assert named in capsys.readouterr().err.splitlines()[-1]


def test_a_kept_file_is_judged_alike_by_anybody(tmp_path: Path) -> None:
    # A short world: what is compared is the figures, which a file reaches by quite another way.
    cluster = judge_cluster(1, 2, [Mode.ADAPTIVE_Z], ROOT / "models", Days(history=1, judged=1), tmp_path)
    labels = read_labels(tmp_path / "days-1-2.npz")
    with np.load(tmp_path / "days-1-2.npz") as file:
        sampled = np.isin(np.arange(1440), (file["ts"] - file["ts"][0] // 86_400 * 86_400) // 60)
        assert file["test_0"].shape[:2] == file["y"].shape
        assert len(file["ts_train_0"]) == file["train_0"].shape[1]
        assert len(file["workload"]) == len(file["y"])
    scores = cluster.answers[Mode.ADAPTIVE_Z].scores
    ours = verdict(Mode.ADAPTIVE_Z, 1, [cluster]).figures
    theirs = figures(labels, [scores[:, sampled]])
    assert theirs.faults == ours.faults > 5
    assert theirs.normal_pod_days == pytest.approx(ours.normal_pod_days)
    assert theirs.auc_pr == pytest.approx(ours.auc_pr)
    assert theirs.at_nine_tenths == ours.at_nine_tenths


def cluster(good: bool) -> Cluster:
    """Two pods, a day, one fault: a mode that sees it at once, and one that sees the contrary."""
    states = np.zeros((2, 1440), np.int8)
    states[1, 600:630] = FAULT
    best = 5.0 * (states == FAULT)
    answers = {
        Mode.LSTM: Answer(best if good else -best, 4.0, 1.0),
        Mode.Z3: Answer(-best, float("nan"), 1.0),
    }
    kinds = np.full(states.shape, KINDS.index(Negative.DAILY_LOAD), np.int8)
    return Cluster(states, kinds, (Event(36_000, 37_740, (1,), str(Positive.CPU_HOG)),), answers)


@pytest.mark.parametrize(("good", "said"), [(True, ["met"] * 3), (False, ["**missed**"] * 3)])
def test_promises_are_measured(good: bool, said: list[str]) -> None:
    clusters = [cluster(good), cluster(good)]
    text = report([verdict(mode, 7, clusters) for mode in (Mode.LSTM, Mode.Z3)], 2, "abc1234")
    table = text.split("| promise")[1].split("\n\n")[0]
    assert [line.split("|")[3].strip() for line in table.splitlines()[2:]] == said


def test_clusters_are_judged_as_one() -> None:
    labels = pooled([cluster(good=True), cluster(good=True)])
    assert labels.ranges[0].states.shape == (4, 1440)
    assert [event.pods for event in labels.events] == [(1,), (3,)]
    judged = verdict(Mode.LSTM, 7, [cluster(good=True), cluster(good=True)])
    assert judged.own.recall == 1.0
    assert judged.own.false_alarms_per_pod_day == 0.0
    assert judged.at_own.positives["CpuHog"].found == 2
    without = verdict(Mode.Z3, 7, [cluster(good=True)])
    assert without.without_threshold == 1
    assert without.own.recall == 0.0
