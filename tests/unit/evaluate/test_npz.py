"""npz files that were cut, altered or made up: the documented error or a valid answer, and nothing else."""

import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from detection.scorer import main as score
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from podvigil.cli.main import app
from podvigil.evaluate.npz import EvaluationError, read_npz, write_npz

TICKS = 60 * np.arange(20)
SAMPLES: dict[str, Any] = {
    "train_0": np.random.default_rng(0).gamma(50.0, 2.0, (2, 8, 2)),
    "test_0": np.random.default_rng(1).gamma(50.0, 2.0, (2, 5, 2)),
    "ts_train_0": TICKS[:8],
    "ts_test_0": TICKS[8:13],
    "workload": np.zeros(2, int),
    "interval_s": 60.0,
}
LABELS: dict[str, Any] = {
    "y": np.array([[0, 0, 1, 1, 0, 0], [0, 0, 0, 0, 0, 0]], np.int8),
    "ts": TICKS[:6],
    "pods": np.array(["a", "b"]),
    "faults": json.dumps([{"pod": "a", "start": 120, "end": 180}]),
    "X": np.ones((2, 6, 2)),
    "test": [[0, 6]],
}
SCORES: dict[str, Any] = {"test_0": np.ones((2, 6)), "train_0": np.ones((2, 3)), "threshold": 0.5}

Save = Callable[..., None]


def packed(arrays: dict[str, Any], save: Save = np.savez) -> bytes:
    file = io.BytesIO()
    save(file, **arrays)
    return file.getvalue()


def crafted(arrays: dict[str, Any], victim: str, change: Callable[[bytes], bytes]) -> bytes:
    """A sound archive, one array of which is not."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, values in arrays.items():
            content = io.BytesIO()
            np.save(content, np.asarray(values))
            written = content.getvalue()
            archive.writestr(f"{name}.npy", change(written) if name == victim else written)
    return file.getvalue()


@st.composite
def damages(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """Cut a file, turn some of its bytes, or put some in."""
    kind, at = draw(st.sampled_from(["cut", "turn", "insert"])), draw(st.floats(0, 1, exclude_max=True))
    if kind == "cut":
        return lambda content: content[: int(at * len(content))]
    if kind == "insert":
        more = draw(st.binary(min_size=1, max_size=8))
        return lambda content: content[: int(at * len(content))] + more + content[int(at * len(content)) :]
    places = [at, *draw(st.lists(st.floats(0, 1, exclude_max=True), max_size=12))]
    masks = draw(st.lists(st.integers(1, 255), min_size=len(places), max_size=len(places)))

    def turned(content: bytes) -> bytes:
        changed = bytearray(content)
        for place, mask in zip(places, masks, strict=True):
            changed[int(place * len(changed))] ^= mask
        return bytes(changed)

    return turned


LETTERS = st.sampled_from(list(b"0123456789()[]{}<>=|,'\"fiucOSUVmMb\n -\x00\xff.*LTrueFalse"))


@st.composite
def misspellings(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """Write other letters into the header of an array."""
    letters = draw(st.dictionaries(st.integers(0, 127), LETTERS, min_size=1, max_size=4))
    return lambda content: bytes(letters.get(place, byte) for place, byte in enumerate(content))


def scored(content: bytes, folder: Path, capsys: pytest.CaptureFixture[str]) -> bool:
    """Whether the scorer took it; if not, it says which file, and leaves nothing behind."""
    source, out = folder / "in.npz", folder / "out.npz"
    source.write_bytes(content)
    out.unlink(missing_ok=True)
    code = score(["--mode", "Z3", str(source), str(out)])
    said = capsys.readouterr().err
    assert (code, out.exists(), said.startswith(f"{source}: ")) in [(0, True, False), (2, False, True)]
    assert not [path.name for path in folder.iterdir() if path.suffix != ".npz"]
    if code == 0:
        with np.load(out) as answer:
            assert np.isfinite(answer["train_0"]).all()
    return code == 0


def judged(labels: bytes, scores: bytes, folder: Path) -> bool:
    """Whether `podvigil evaluate` took them; if not, it says which file."""
    (folder / "labels.npz").write_bytes(labels)
    (folder / "scores.npz").write_bytes(scores)
    done = CliRunner().invoke(app, ["evaluate", str(folder / "labels.npz"), str(folder / "scores.npz")])
    assert done.exception is None or isinstance(done.exception, SystemExit)
    assert (done.exit_code, f"podvigil: {folder}" in done.stderr) in [(0, False), (2, True)]
    return done.exit_code == 0


# The folder is written anew by every example.
fuzz = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
savers = st.sampled_from([np.savez, np.savez_compressed])


@fuzz
@given(damage=damages(), save=savers)
def test_a_damaged_file_of_samples(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: Callable[[bytes], bytes], save: Save
) -> None:
    scored(damage(packed(SAMPLES, save)), tmp_path, capsys)


@fuzz
@given(damage=damages(), save=savers)
def test_a_damaged_file_of_labels_or_scores(
    tmp_path: Path, damage: Callable[[bytes], bytes], save: Save
) -> None:
    judged(damage(packed(LABELS, save)), packed(SCORES), tmp_path)
    judged(packed(LABELS), damage(packed(SCORES, save)), tmp_path)


@fuzz
@given(change=misspellings(), sample=st.sampled_from(list(SAMPLES)))
@pytest.mark.filterwarnings("ignore:Reading `.npy`")  # numpy's, of headers that look like Python 2's
def test_a_file_of_samples_whose_header_lies(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: Callable[[bytes], bytes], sample: str
) -> None:
    scored(crafted(SAMPLES, sample, change), tmp_path, capsys)


@fuzz
@given(change=misspellings(), label=st.sampled_from(list(LABELS)), one=st.sampled_from(list(SCORES)))
@pytest.mark.filterwarnings("ignore:Reading `.npy`")
def test_a_file_of_labels_or_scores_whose_header_lies(
    tmp_path: Path, change: Callable[[bytes], bytes], label: str, one: str
) -> None:
    judged(crafted(LABELS, label, change), packed(SCORES), tmp_path)
    judged(packed(LABELS), crafted(SCORES, one, change), tmp_path)


def test_what_is_not_damaged_is_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for save in (np.savez, np.savez_compressed):
        assert scored(packed(SAMPLES, save), tmp_path, capsys)
        assert judged(packed(LABELS, save), packed(SCORES, save), tmp_path)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_shorter_shape_in_a_header_is_no_shorter_array(tmp_path: Path, save: Save) -> None:
    """numpy stops reading where the header says, before the checksum is looked at."""
    whole = packed({"a": np.zeros(8)}, save) if save is np.savez else crafted({"a": np.zeros(8)}, "", bytes)
    path = tmp_path / "a.npz"
    path.write_bytes(whole.replace(b"(8,)", b"(7,)"))
    with pytest.raises(EvaluationError, match="`a` cannot be read"):
        read_npz(path, "a")
    path.write_bytes(crafted({"a": np.zeros(8)}, "a", lambda content: content.replace(b"(8,)", b"(7,)")))
    with pytest.raises(EvaluationError, match="more in it than its header says"):
        read_npz(path, "a")


def test_a_damaged_name_is_not_another_array(tmp_path: Path) -> None:
    """An archive names each array twice. Were one of them believed, `workload` could be lost without a word."""
    path = tmp_path / "a.npz"
    content = packed({"a": np.zeros(8), "workload": np.zeros(8)})
    last = content.rindex(b"workload")
    path.write_bytes(content[:last] + b"workloaf" + content[last + 8 :])
    with pytest.raises(EvaluationError, match="no npz file"):
        read_npz(path, "a|workload")


def test_other_arrays_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(crafted({"a": np.zeros(8), "b": np.zeros(8)}, "b", lambda content: content[:9]))
    read = read_npz(path, "a")
    assert "b" not in read
    with pytest.raises(EvaluationError, match=r"no array `c` \(it has: a, b\)"):
        read.numbers("c")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b"", "is empty", id="empty"),
        pytest.param(b"PK\x03\x04 not a zip", "no npz file", id="broken-zip"),
        pytest.param(b"text", "no npz file", id="text"),
        pytest.param(b"\x93NUMPY\x01\x00", "single array", id="npy"),
        pytest.param(
            crafted({"a": 1}, "a", lambda _: b"text"), "`a` cannot be read", id="a-text-for-an-array"
        ),
    ],
)
def test_a_file_that_is_none(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    with pytest.raises(EvaluationError, match=said) as raised:
        read_npz(path, "a")
    assert raised.value.where == path


def test_a_file_takes_the_place_of_another_whole(tmp_path: Path) -> None:
    path, link = tmp_path / "a.npz", tmp_path / "link.npz"
    link.symlink_to(path)
    write_npz(link, {"a": np.arange(3)})
    assert link.is_symlink()
    assert read_npz(path, "a").numbers("a").tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="Object arrays"):
        write_npz(path, {"a": np.array([{}], object)})
    assert read_npz(path, "a").numbers("a").tolist() == [0, 1, 2]
    assert {one.name for one in tmp_path.iterdir()} == {"a.npz", "link.npz"}


def test_a_device_is_written_to_and_not_replaced() -> None:
    write_npz(Path(os.devnull), {"a": np.arange(3)})
    assert Path(os.devnull).is_char_device()
