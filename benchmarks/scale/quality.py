"""What each form of the window costs in quality, on the labelled sets, through the production path.

`python -m scale.quality --data FOLDER` prints the table; `scale.run --data FOLDER` puts it into the results.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from detection import scorer
from detection.by_file import write_set
from detection.sets import LabelledSet, NoLabelledSets, labelled_sets
from scale.forms import FORMS, OURS, Rings
from scale.measure import MODELS

from podvigil.detect import baseline
from podvigil.detect.detector import Mode
from podvigil.evaluate.figures import Figures, figures
from podvigil.evaluate.files import read_scores
from podvigil.evaluate.npz import write_npz

MODES: Final = (Mode.Z3, Mode.STATISTICS, Mode.LSTM)
FOR_ALL: Final = (Mode.Z3, Mode.LSTM)
"""The modes in which the forms that are not ours are judged."""

LIMITS: Final = {"nezha_ob_0822": 0.005, "nezha_tt_0129": 0.005, "bookinfo_chaos": 0.01}
"""VUS-PR that the compact form may lose."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One form and mode on one set."""

    form: str
    mode: Mode
    set: str
    vus_pr: float
    false_alarms: float
    """Per pod-day at the scorer's own threshold."""
    recall: float


def judged(sets: Sequence[LabelledSet]) -> Iterator[Judged]:
    """Judge every form on those sets that have a limit."""
    sets = [labelled for labelled in sets if labelled.name in LIMITS]
    for form, (rings, _) in FORMS.items():
        with held_by(rings):
            for mode in MODES if form in ("exact", OURS) else FOR_ALL:
                for labelled in sets:
                    found = judge(labelled, mode)
                    own = found.at_threshold
                    yield Judged(
                        form,
                        mode,
                        labelled.name,
                        found.vus_pr,
                        own.false_alarms_per_pod_day if own else np.nan,
                        own.recall if own else np.nan,
                    )


@contextmanager
def held_by(rings: Rings) -> Iterator[None]:
    """Let the detector hold its windows in this form, whatever the size."""
    usual = baseline.ring_for
    baseline.ring_for = rings
    try:
        yield
    finally:
        baseline.ring_for = usual


def judge(labelled: LabelledSet, mode: Mode) -> Figures:
    """Score one set as anybody would, and judge it."""
    with tempfile.TemporaryDirectory() as folder:
        given, answer = Path(folder) / "in.npz", Path(folder) / "out.npz"
        write_set(given, labelled)
        write_npz(answer, scorer.scored(given, mode, MODELS))
        scores = read_scores(answer, labelled.labels)
    return figures(labelled.labels, scores.test, threshold=scores.threshold, history=scores.train)


def table(found: Sequence[Judged]) -> list[str]:
    """Lines of a table: VUS-PR by form and mode, and the difference to the exact form."""
    names = sorted(LIMITS)
    lines = [
        "| form | bytes | mode | " + " | ".join(names) + " |",
        "|---|---|---|" + "---|" * len(names),
    ]
    exact = {(one.mode, one.set): one for one in found if one.form == "exact"}
    for form, (_, size) in FORMS.items():
        for mode in MODES:
            cells = []
            for name in names:
                for one in found:
                    if (one.form, one.mode, one.set) == (form, mode, name):
                        change = one.vus_pr - exact[mode, name].vus_pr
                        cells.append(f"{one.vus_pr:.4f} ({change:+.4f}); {one.false_alarms:.2f}")
            if cells:
                lines.append(f"| {form} | {size} | {mode} | " + " | ".join(cells) + " |")
    return lines


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    given = parser.parse_args()
    try:
        sets = labelled_sets(given.data)
    except NoLabelledSets as error:
        print(error, file=sys.stderr)
        return 2
    print("\n".join(table(list(judged(sets)))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
