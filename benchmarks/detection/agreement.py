"""Holds our streaming path against another scorer of the same recipe, sample by sample.

    python -m detection.agreement --data FOLDER --command "env MODE=z3 python recipe.py"

The command is given two more arguments, an input and an output file as `scorer.py` has them. Mode Z3 is compared, since
it has no network: what differs is the treatment, the smoothing, or a choice of ours that the page names.
"""

import argparse
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from detection.by_file import ours, scored_by
from detection.commit import commit
from detection.sets import UNGATED, LabelledSet, NoLabelledSets, is_gated, labelled_sets

from podvigil.detect.detector import Mode
from podvigil.evaluate.files import EvaluationError
from podvigil.evaluate.labels import IGNORED, joined
from podvigil.evaluate.ranking import vus_pr
from podvigil.window.arrays import Array

ROOT: Final = Path(__file__).parents[2]
RESULTS: Final = ROOT / "benchmarks" / "results" / "agreement.md"

VUS_PR_TOLERANCE: Final = 0.005
CLOSE: Final = 0.05
"""On the asinh scale of scores, whose thresholds lie between 2 and 4."""


INTRODUCTION: Final = f"""\
# Agreement with a batch reference

Made by `python -m detection.agreement` at commit {{code}}; mode Z3.

The reference is a batch program of the same recipe (rolling medians and quantiles of pandas over whole ranges). It
is not part of this repository; any scorer behind the files of [scorer.py](../detection/scorer.py) can stand in its
place. Ours sees one sample at a time.

Tolerance: VUS-PR within {VUS_PR_TOLERANCE} on every set but {UNGATED[0]}. Samples, on the asinh scale: most of what
differs is a choice. Our long reference (how quiet a pod may be called, and what a trifle is) follows the cluster
once an hour; the batch program keeps that of the history for ever, and looks ahead for where a frozen stretch
begins. That each stage is its formula is tested to 1e-9, against a batch in the test: `test_treatment.py` and
`test_detector.py` in tests/unit/detect.
"""


@dataclass(frozen=True, slots=True)
class Agreement:
    """One set."""

    name: str
    ours: float
    """VUS-PR."""
    theirs: float
    differences: Array
    """(n,) of the labelled samples, absolute."""


def main() -> int:
    """Run both on every set, and write the page."""
    parser = argparse.ArgumentParser(prog="detection.agreement", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the labelled sets")
    parser.add_argument("--command", required=True, help="the other scorer; quote it")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    try:
        code = commit()
        found = [agreement(one, shlex.split(given.command)) for one in labelled_sets(given.data)]
    except (NoLabelledSets, EvaluationError, OSError, subprocess.SubprocessError) as error:
        print(error, file=sys.stderr)
        return 2
    given.out.write_text("\n".join(report(found, code)) + "\n", encoding="utf-8")
    print(f"Wrote {given.out}")
    return 0


def agreement(labelled: LabelledSet, command: Sequence[str]) -> Agreement:
    """Score one set with both."""
    mine = scored_by(ours(Mode.Z3, ROOT / "models"), labelled).scores.test
    other = scored_by(command, labelled).scores.test
    states = [stretch.states for stretch in labelled.labels.ranges]
    kept = joined(states) != IGNORED
    differences = np.abs(joined(mine) - joined(other))[kept]
    return Agreement(labelled.name, vus_pr(mine, states), vus_pr(other, states), differences)


def report(found: Sequence[Agreement], code: str) -> Iterator[str]:
    """Lines of the page."""
    yield INTRODUCTION.format(code=code)
    yield (
        "| set | VUS-PR, ours | the reference | difference | within the tolerance | "
        f"samples within {CLOSE} | difference of samples: median | 99 % | largest |"
    )
    yield "|---|---|---|---|---|---|---|---|---|"
    for one in found:
        off = one.ours - one.theirs
        gate = (
            "not gated" if not is_gated(one.name) else ("yes" if abs(off) <= VUS_PR_TOLERANCE else "**no**")
        )
        median, far, largest = np.quantile(one.differences, [0.5, 0.99, 1.0])
        close = np.mean(one.differences <= CLOSE)
        yield (
            f"| {one.name} | {one.ours:.4f} | {one.theirs:.4f} | {off:+.4f} | {gate} | {close:.1%} | "
            f"{median:.4f} | {far:.3f} | {largest:.2f} |"
        )


if __name__ == "__main__":
    sys.exit(main())
