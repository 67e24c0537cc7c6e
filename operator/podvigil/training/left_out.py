"""What the network knows of faults it was never shown: `python -m podvigil.training.left_out PAGE.md`.

For each group of fault types a small network is trained without it and judged on clusters that hold nothing
else, beside one that was trained on everything and beside the statistics alone. A gain that is left when the
type was left out is knowledge of faults; one that is not is knowledge of the generator.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from podvigil.detect.detector import Mode
from podvigil.training.dataset import Purpose, Source, judgements, tracks
from podvigil.training.faults import FAULTS
from podvigil.training.generate import ANYTHING, Recipe
from podvigil.training.judge import Figures, figures, total
from podvigil.training.make import BETA, use_one_thread

GROUPS: Final = {
    "memory": ("MemoryHog", "FastLeak", "SlowLeak"),
    "CPU": ("CpuHog", "LevelShift", "Throttling"),
    "traffic and stillness": ("Pause", "NetworkLoss", "NetworkFlood"),
}
"""Types that look alike go together: left out alone, each would be known from its neighbours."""

CLUSTERS: Final = 60
STEPS: Final = 400
CHECKS: Final = 20
"""Small: what counts is the difference between networks trained alike, not how good they are."""


@dataclass(frozen=True, slots=True)
class Row:
    """One judge of one group's faults."""

    group: str
    who: str
    figures: Figures


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, judge, write the page."""
    parser = argparse.ArgumentParser(prog="python -m podvigil.training.left_out", description=__doc__)
    parser.add_argument("page", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--clusters", type=int, default=CLUSTERS, help="to train each network on")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--checks", type=int, default=CHECKS, help="clusters to judge each on")
    parser.add_argument("--jobs", type=int, default=1)
    given = parser.parse_args(arguments)
    use_one_thread()
    rows = []
    for row in study(given.seed, given.clusters, given.steps, given.checks, given.jobs):
        rows.append(row)
        print(f"{row.group}, {row.who}: {row.figures.recall:.3f}", flush=True)
    command = (
        f"python -m podvigil.training.left_out PAGE --seed {given.seed} --clusters {given.clusters} "
        f"--steps {given.steps} --checks {given.checks}"
    )
    given.page.write_text(page(rows, command), encoding="utf-8")
    return 0


def study(seed: int, clusters: int, steps: int, checks: int, jobs: int) -> Iterator[Row]:
    """Judge every group by each of the three."""
    everything = _trained(seed, clusters, steps, jobs, ANYTHING)
    for group, kinds in GROUPS.items():
        others = tuple(kind for kind in FAULTS if kind not in kinds)
        without = _trained(seed, clusters, steps, jobs, Recipe(kinds=others))
        only = Source(seed, recipe=Recipe(kinds=kinds))
        for who, mode, content in (
            ("statistics alone", Mode.STATISTICS, without),
            ("network trained without them", Mode.LSTM, without),
            ("network trained with them", Mode.LSTM, everything),
        ):
            judged = judgements(only, Purpose.CHECK, checks, mode=mode, content=content, beta=BETA, jobs=jobs)
            yield Row(group, who, total([figures(one) for one in judged]))


def page(rows: Sequence[Row], command: str) -> str:
    """Return the whole document."""
    lines = [
        "# What the network knows of faults it was not shown",
        "",
        f"Made by `{command}`.",
        "Small networks, trained alike on generated clusters; judged on other clusters that hold faults of the group",
        "alone, at the threshold for one false alarm per pod-day, estimated on the way.",
        "",
        "| group | judge | faults | share seen | false alarms per pod-day | median delay, seconds |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.group} | {row.who} | {sum(row.figures.faults.values())} | {row.figures.recall:.3f} | "
        f"{row.figures.false_alarms_per_pod_day:.2f} | {row.figures.median_delay_seconds:.0f} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def _trained(seed: int, clusters: int, steps: int, jobs: int, recipe: Recipe) -> bytes:
    """Return a cell."""
    seen = tracks(Source(seed, recipe=recipe), clusters, jobs)

    # TensorFlow: worker processes import this module too, and need none of it.
    from podvigil.training.convert import cell_bytes
    from podvigil.training.train import train

    return cell_bytes(train(seen, steps=steps, seed=seed))


if __name__ == "__main__":
    sys.exit(main())
