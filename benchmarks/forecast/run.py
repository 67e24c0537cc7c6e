"""Judges the time-to-limit forecast on generated leaks: `make bench-forecast` writes `results/forecast.md`.

The seeds are not those that `fit.py` learnt from; one table is made with coefficients that never saw its kind.
"""

import argparse
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from detection.commit import commit
from forecast.fit import SEED, SERIES_PER_KIND, fitted
from forecast.leaks import HARMLESS, LEAKS
from forecast.study import VOLUMES, Answers, Floats, study
from forecast.volumes import FILLING, STAYING

from podvigil.detect.volumes import FILLS_WITHIN

RESULTS: Final = Path(__file__).parents[1] / "results" / "forecast.md"
SEEDS: Final = (101, 102, 103)
WANTED: Final = (0.7, 0.9)
"""The 80 % interval shall hold between these shares of the leaks."""

HORIZONS: Final = (
    ("below 30 min", 0.0, 1800.0),
    ("30 min to 2 h", 1800.0, 7200.0),
    ("2 h to 8 h", 7200.0, 28_800.0),
    ("8 h to 1 day", 28_800.0, 86_400.0),
    ("1 to 7 days", 86_400.0, 7 * 86_400.0),
)

Chosen = npt.NDArray[np.bool_]


def main() -> None:
    """Ask, count, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--per-kind", type=int, default=SERIES_PER_KIND)
    parser.add_argument("--seeds", type=int, default=len(SEEDS))
    given = parser.parse_args()
    code = commit()
    asked = [study(seed, per_kind=given.per_kind) for seed in SEEDS[: given.seeds]]
    learnt_from = study(SEED, per_kind=given.per_kind)
    filled = [study(seed, per_kind=given.per_kind, world=VOLUMES) for seed in SEEDS[: given.seeds]]
    text = report(asked, learnt_from, given.per_kind, code) + "\n".join(of_volumes(filled)) + "\n"
    given.out.write_text(text)
    print(given.out.read_text())


def report(asked: list[Answers], learnt_from: Answers, per_kind: int, code: str) -> str:
    """Return the results file."""
    coverage = [covered(a, a.leaks & a.spoken) for a in asked]
    mean = float(np.mean(coverage))
    is_met = WANTED[0] <= mean <= WANTED[1]
    everything = joined(asked)
    spoken = everything.spoken
    lines = [
        "# Time to limit",
        "",
        "Written by `make bench-forecast` (`benchmarks/forecast/run.py`); do not edit. "
        f"Code of commit {code}. Generated series of memory",
        f"(`leaks.py`), {per_kind} of each kind at each of three intervals, {len(asked)} seeds that the coefficients",
        f"(`fit.py`, seed {SEED}) were not fitted on; {spoken.size:,} questions at random moments while the leak runs.",
        "One generator for both: expect less on leaks of another kind; the last column below shows how much less.",
        "",
        f"**The 80 % interval holds for {mean:.1%} of the leaks** (seeds: "
        f"{', '.join(f'{c:.1%}' for c in coverage)}); wanted {WANTED[0]:.0%} to {WANTED[1]:.0%}: "
        f"{'met' if is_met else 'missed'}.",
        "",
        "## By horizon",
        "",
        "Error: |estimate / true time - 1|. Width: latest / earliest. The horizon is the true one.",
        "",
        "| time left | answered | median error | interval holds | median width |",
        "|---|---|---|---|---|",
    ]
    for name, low, high in HORIZONS:
        chosen = everything.leaks & (everything.true >= low) & (everything.true < high)
        lines.append(f"| {name} | {share(spoken, chosen)} | {_row(everything, chosen & spoken)} |")
    lines += [
        "",
        "## By kind",
        "",
        "Kind unseen: the interval of coefficients that were fitted without this kind.",
        "",
        "| kind | answered | median error | interval holds | median width | kind unseen |",
        "|---|---|---|---|---|---|",
    ]
    for kind in LEAKS:
        chosen = everything.kind == kind
        unseen = covered_by(fitted(without(learnt_from, kind)), everything, chosen & spoken)
        lines.append(
            f"| {kind} | {share(spoken, chosen)} | {_row(everything, chosen & spoken)} | {unseen:.0%} |"
        )
    lines += [
        "",
        "## What is no leak",
        "",
        "Share of random moments at which a limit was foretold that is never reached. At such a moment memory does",
        "rise, steadily and higher than in all the hours before: on a first day nobody can know that evening comes.",
        "",
        "| kind | foretold |",
        "|---|---|",
    ]
    lines += [f"| {kind} | {share(spoken, everything.kind == kind)} |" for kind in HARMLESS]
    return "\n".join(lines) + "\n"


def of_volumes(asked: list[Answers]) -> list[str]:
    """Return the part about volumes."""
    coverage = [covered(a, a.leaks & a.spoken) for a in asked]
    mean = float(np.mean(coverage))
    everything = joined(asked)
    lines = [
        "",
        "## Volumes",
        "",
        "The same lines and the same interval, fitted on memory alone, asked about generated volumes (`volumes.py`).",
        f"**The 80 % interval holds for {mean:.1%} of the volumes that fill** (seeds: "
        f"{', '.join(f'{c:.1%}' for c in coverage)}); wanted {WANTED[0]:.0%} to {WANTED[1]:.0%}: "
        f"{'met' if WANTED[0] <= mean <= WANTED[1] else 'missed'}.",
        "",
        "| kind | answered | median error | interval holds | median width |",
        "|---|---|---|---|---|",
    ]
    for kind in FILLING:
        chosen = everything.kind == kind
        lines.append(
            f"| {kind} | {share(everything.spoken, chosen)} | {_row(everything, chosen & everything.spoken)} |"
        )
    lines += [
        "",
        "Reported: foretold to be full within a day, later end of the interval, which is what opens a `VolumeFilling`.",
        "",
        "| what does not fill | foretold | reported |",
        "|---|---|---|",
    ]
    soon = everything.spoken & (everything.within[:, 2] <= FILLS_WITHIN.total_seconds())
    for kind in STAYING:
        chosen = everything.kind == kind
        lines.append(f"| {kind} | {share(everything.spoken, chosen)} | {share(soon, chosen)} |")
    return lines


def joined(answers: list[Answers]) -> Answers:
    """All answers as one."""
    return Answers(
        np.concatenate([a.kind for a in answers]),
        np.concatenate([a.true for a in answers]),
        np.concatenate([a.within for a in answers]),
        np.concatenate([a.design for a in answers]),
        np.concatenate([a.extrapolated for a in answers]),
    )


def without(answers: Answers, kind: str) -> Answers:
    """The answers about every other kind."""
    kept = answers.kind != kind
    return Answers(
        answers.kind[kept],
        answers.true[kept],
        answers.within[kept],
        answers.design[kept],
        answers.extrapolated[kept],
    )


def covered(answers: Answers, chosen: Chosen) -> float:
    """Share of the chosen whose interval held."""
    true, within = answers.true[chosen], answers.within[chosen]
    return float(np.mean((within[:, 0] <= true) & (true <= within[:, 2])))


def covered_by(coefficients: Floats, answers: Answers, chosen: Chosen) -> float:
    """The same with other coefficients."""
    ratio = np.sort(answers.design[chosen] @ coefficients.T, axis=1)
    log = np.log(answers.true[chosen] / answers.extrapolated[chosen])
    return float(np.mean((ratio[:, 0] <= log) & (log <= ratio[:, 2])))


def share(spoken: Chosen, chosen: Chosen) -> str:
    """Write how many of the chosen were answered."""
    return f"{spoken[chosen].mean():.1%}" if chosen.any() else "none asked"


def _row(answers: Answers, chosen: Chosen) -> str:
    if not chosen.any():
        return "- | - | -"
    true, within = answers.true[chosen], answers.within[chosen]
    error = np.abs(within[:, 1] / true - 1)
    return f"{np.median(error):.0%} | {covered(answers, chosen):.0%} | {np.median(within[:, 2] / within[:, 0]):.1f}"


if __name__ == "__main__":
    main()
