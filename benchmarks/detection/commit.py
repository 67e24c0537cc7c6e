"""Which version of the code made a page of results."""

import subprocess
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
MATTERS: Final = (
    "operator/podvigil/detect",
    "operator/podvigil/window",
    "operator/podvigil/evaluate",
    "operator/podvigil/training",
    "benchmarks",
    ":!benchmarks/results",
    "models",
)
"""Changes elsewhere do not change a figure; `:!` is git's word for what is left out."""
SECONDS: Final = 20.0


def commit() -> str:
    """The commit, with a word when the detector differs from it; "unknown" outside a repository."""
    try:
        name = _git("rev-parse", "--short", "HEAD")
        changed = _git("status", "--porcelain", "--", *MATTERS)
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return f"{name} with changes to the detector" if changed else name


def _git(*given: str) -> str:
    done = subprocess.run(
        ["git", *given], cwd=ROOT, capture_output=True, text=True, check=True, timeout=SECONDS
    )
    return done.stdout.strip()
