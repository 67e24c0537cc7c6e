"""
Makes a model from nothing: `python -m podvigil.training.make models/ [--seed 0] [--data FOLDER]`.

Generate clusters, train, convert, prove parity, calibrate, measure, write: each step is one module.
TensorFlow is imported here only when it is needed: worker processes import this module too.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from podvigil.detect.detector import Mode
from podvigil.detect.store import Training, load_model
from podvigil.training.dataset import Purpose, Source, judgements, tracks
from podvigil.training.judge import Judged, figures, samples, total
from podvigil.training.real_series import DataError, read

if TYPE_CHECKING:
    from podvigil.training.calibrate import FittedCurve, Reliability
    from podvigil.training.train import Progress

BETA: Final = 0.5
"""Sigma per unit of fault logit: chosen on real sets, where 0.25 to 1 made no difference beyond noise."""
CLUSTERS: Final = 400
STEPS: Final = 1_500
JUDGED_SHARE: Final = 8
"""One cluster to calibrate and one to check for so many to train."""
REPORT_EVERY: Final = 100
"""Clusters; some seconds to a minute."""
MOST_JOBS: Final = 4
"""Processes at most; each takes about 300 MB."""


class MakeError(Exception):
    """The model that was made must not be used."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to make."""

    directory: Path
    seed: int = 0
    data: Path | None = None
    clusters: int = CLUSTERS
    steps: int = STEPS
    jobs: int = 1

    @property
    def judged(self) -> int:
        """Clusters to calibrate on, and as many others to check with."""
        return max(2, self.clusters // JUDGED_SHARE)

    @property
    def command(self) -> str:
        """The command that makes the same model; the folder of the data is the reader's own."""
        data = " --data FOLDER" if self.data else ""
        return (
            f"python -m podvigil.training.make models/ --seed {self.seed} --clusters {self.clusters} "
            f"--steps {self.steps}{data}"
        )


class _Clock:
    """Says what is being done and how long it took."""

    def __init__(self) -> None:
        self._begun = time.monotonic()

    def say(self, what: str) -> None:
        print(f"[{time.monotonic() - self._begun:6.1f} s] {what}", flush=True)


def make(plan: Plan) -> None:
    """
    Make the model of `plan` and write it.

    Raises:
        DataError: the folder of real series cannot be used.
        MakeError: the cell disagrees with Keras, or the checks hold no fault to calibrate on.
        OSError: the directory cannot be written.
    """
    clock = _Clock()
    source = Source(plan.seed, read(plan.data) if plan.data else None)
    clock.say(f"Generating {plan.clusters} clusters in {plan.jobs} processes")

    def generated(count: int) -> None:
        if count % REPORT_EVERY == 0:
            clock.say(f"  {count} of {plan.clusters}")

    trained_on = tracks(source, plan.clusters, plan.jobs, generated)

    from podvigil.training.artefact import Artefact, calibration, write
    from podvigil.training.card import Measured, card
    from podvigil.training.convert import PARITY_LIMIT, PARITY_STEPS, cell_bytes, parity
    from podvigil.training.train import train

    clock.say(f"Training {plan.steps} steps")
    progress: list[Progress] = []

    def told(step: "Progress") -> None:
        progress.append(step)
        clock.say(f"  step {step.step}: fault {step.fault_loss:.4f}, forecast {step.forecast_loss:.3f}")

    cpu = time.process_time()
    network = train(trained_on, steps=plan.steps, seed=plan.seed, say=told)
    cpu = time.process_time() - cpu

    clock.say("Converting to LiteRT")
    cell = cell_bytes(network)
    difference = parity(network, cell, seed=plan.seed)
    clock.say(f"  Keras and cell differ by {difference:.1e} over {PARITY_STEPS} steps")
    if not difference <= PARITY_LIMIT:
        raise MakeError(f"Keras and the cell differ by {difference:.1e}, more than {PARITY_LIMIT:.0e}")

    def judged(purpose: Purpose, mode: Mode) -> list[Judged]:
        clock.say(f"Judging {plan.judged} clusters: {purpose.name.lower()}, {mode}")
        return judgements(source, purpose, plan.judged, mode=mode, content=cell, beta=BETA, jobs=plan.jobs)

    curve = _curve(judged(Purpose.CALIBRATE, Mode.LSTM))
    checks = {mode: judged(Purpose.CHECK, mode) for mode in (Mode.LSTM, Mode.STATISTICS)}
    training = Training(
        command=plan.command, seed=plan.seed, clusters=plan.clusters, steps=plan.steps, data=list(source.data)
    )
    described = calibration(cell, curve, BETA, training)
    measured = Measured(
        parity=difference,
        last=progress[-1],
        training_cpu_seconds=cpu,
        with_network=total([figures(one) for one in checks[Mode.LSTM]]),
        statistics=total([figures(one) for one in checks[Mode.STATISTICS]]),
        reliability=_reliability(curve, checks[Mode.LSTM]),
        check_clusters=plan.judged,
    )
    write(Artefact(network, cell, described, card(described, measured)), plan.directory)
    version = load_model(plan.directory).version
    clock.say(f"Wrote {plan.directory}: {version}")


def _curve(judged: list[Judged]) -> "FittedCurve":
    from podvigil.training.calibrate import fit_curve

    margin, fault = (np.concatenate(parts) for parts in zip(*map(samples, judged), strict=True))
    try:
        return fit_curve(margin, fault)
    except ValueError as error:
        raise MakeError(f"the probabilities cannot be fitted: {error}; use more clusters") from error


def _reliability(curve: "FittedCurve", judged: list[Judged]) -> "list[Reliability]":
    from podvigil.training.calibrate import reliability

    margin, fault = (np.concatenate(parts) for parts in zip(*map(samples, judged), strict=True))
    return reliability(curve, margin, fault)


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, make the model, return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m podvigil.training.make", description=__doc__)
    parser.add_argument("directory", type=Path, help="where to write the model; files there are replaced")
    parser.add_argument("--seed", type=int, default=0, help="another seed gives another model")
    parser.add_argument("--data", type=Path, help="folder with real series to train on as well")
    parser.add_argument("--clusters", type=int, default=CLUSTERS, help=f"to train on (default {CLUSTERS})")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"of training (default {STEPS})")
    parser.add_argument(
        "--jobs", type=int, default=min(MOST_JOBS, os.cpu_count() or 1), help="processes for generating"
    )
    plan = Plan(**vars(parser.parse_args(arguments)))
    if min(plan.clusters, plan.steps, plan.jobs) < 1 or plan.seed < 0:
        parser.error("--clusters, --steps and --jobs must be at least 1, --seed at least 0")
    use_one_thread()
    try:
        make(plan)
    except (DataError, MakeError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def use_one_thread() -> None:
    """Two threads cost more than they save here, and one makes sums the same every time."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # for the worker processes
    os.environ["TF_NUM_INTRAOP_THREADS"] = "1"  # read when TensorFlow is first used
    os.environ["TF_NUM_INTEROP_THREADS"] = "1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


if __name__ == "__main__":
    sys.exit(main())
