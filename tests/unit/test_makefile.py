"""`make` before there is a virtual environment."""

import subprocess
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
NEEDED: Final = ("requirements/bootstrap.txt", "requirements/dev.lock", "pyproject.toml")


@pytest.mark.parametrize("target", ["venv", "demo", "test"])
def test_a_python_that_is_not_there_is_named_with_what_to_say(tmp_path: Path, target: str) -> None:
    for name in NEEDED:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    command = ["make", "-f", str(ROOT / "Makefile"), "-C", str(tmp_path), target, "PYTHON=nosuch"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "there is no nosuch: run make PYTHON=python3.11 (or newer)" in done.stderr
    assert "command not found" not in done.stderr
    assert not (tmp_path / ".venv").exists()
