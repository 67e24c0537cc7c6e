"""The benchmark of detection runs on any set of the documented form, and says so when there is none."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[3]


def run(*given: str, program: str = "detection.run") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", program, *given],
        env=os.environ | {"PYTHONPATH": f"{ROOT / 'benchmarks'}:{ROOT / 'operator'}"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


@pytest.fixture
def one_set(tmp_path: Path) -> Path:
    values = np.random.default_rng(0).gamma(50.0, 2.0, (6, 500, 4))
    states = np.zeros((6, 500), np.int8)
    values[1, 400:410, 0] *= 8
    states[1, 400:410] = 1
    values[2, 450:] = np.nan
    times = 60 * np.arange(500)
    fault = {"pod": "b", "start": int(times[400]), "end": int(times[409]), "type": "hog", "resource": True}
    np.savez(
        tmp_path / "hogs.npz",
        X=values.astype(np.float32),
        y=states,
        ts=times,
        pods=np.array(list("abcdef")),
        features=np.array(["cpu_m", "mem_mi", "net_rx", "net_tx"]),
        faults=json.dumps([fault]),
        train=[[0, 300]],
        test=[[300, 500]],
        meta=json.dumps({"interval_s": 60, "source": "this test", "licence": "ours"}),
    )
    return tmp_path


def test_without_data_it_says_that_it_skips_and_why() -> None:
    done = run()
    assert done.returncode == 0
    assert done.stdout.startswith("SKIPPED: no labelled data")


def test_a_folder_without_a_set_is_an_error(tmp_path: Path) -> None:
    done = run("--data", str(tmp_path))
    assert done.returncode == 2
    assert "holds no labelled set" in done.stderr


def test_a_set_is_judged_and_written_down(one_set: Path) -> None:
    out = one_set / "results" / "detection.md"
    scorers = ["Statistics", "static z", "rolling MAD", "PCA", "COPOD", "k-means (Netdata)"]
    only = [part for name in scorers for part in ("--only", name)]
    done = run("--data", str(one_set), "--out", str(out), "--seeds", "2", *only)
    assert done.returncode == 0, done.stderr
    written = out.read_text(encoding="utf-8")
    assert "| hogs | this test | ours | 6 | 60 s | 5.0 h | 3.3 h | 1 |" in written
    volumes = written.split("## VUS-PR")[1].split("##")[0]
    rows = {cells[1].strip(): cells[2] for line in volumes.splitlines() if len(cells := line.split("|")) == 4}
    assert set(scorers) < set(rows)
    assert " ± " in rows["k-means (Netdata)"]
    assert float(rows["Statistics"]) > float(rows["k-means (Netdata)"].split()[0])


def test_what_was_asked_and_what_came_is_written_down(one_set: Path) -> None:
    out = one_set / "calibration.md"
    done = run("--data", str(one_set), "--out", str(out), "--days", "0", program="detection.calibration")
    assert done.returncode == 0, done.stderr
    fixed = out.read_text(encoding="utf-8").split("## Fixed")[1].split("##")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in fixed.splitlines() if "hogs" in line]
    assert [row[1] for row in rows] == [
        "the whole history",
        "1 h of it",
        "2 h of it",
        "2 % faults in it",
        "an outage at its end",
        "another load since",
    ]
    whole = [float(cell.rstrip("*")) for cell in rows[0][2:5]]
    assert whole == sorted(whole)  # who asks for more gets no fewer
