"""Asks for false alarms and counts what comes: `python -m detection.calibration --data FOLDER [--leave-out]`.

Part of `make bench-detection`. Writes results/calibration.md. The generated days are of a development seed: the
constants of the threshold were chosen while looking at it, and at the labelled sets.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from detection.calibration_report import WHOLE, Case, report
from detection.commit import commit
from detection.histories import SHORT_HOURS, other_load, shortened, with_faults, with_flood
from detection.leave_out import estimates_left_out, rules_left_out
from detection.sets import NoLabelledSets, is_gated, labelled_sets
from detection.streams import Stream, Warm, Watched, judged_from, of_days, of_set, warm, watched

from podvigil.detect.detector import Mode
from podvigil.detect.store import Model, ModelError, load_model
from podvigil.evaluate.labels import FAULT, IGNORED
from podvigil.training.calibrate import FittedCurve, Reliability, reliability

ROOT: Final = Path(__file__).parents[2]
RESULTS: Final = ROOT / "benchmarks" / "results" / "calibration.md"
DAYS: Final = ((1, 0), (1, 1))
"""Development seed and cluster: more of them take minutes each and change nothing in the picture."""


def main() -> int:
    """Watch every stream under every condition, and write the results."""
    parser = argparse.ArgumentParser(prog="detection.calibration", description=__doc__)
    parser.add_argument("--data", type=Path, help="folder with the labelled sets")
    parser.add_argument("--model", type=Path, default=ROOT / "models")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--days", type=int, default=len(DAYS), help="generated clusters, 0 for none")
    parser.add_argument(
        "--leave-out", action="store_true", help="also choose the threshold's constants on other sets"
    )
    given = parser.parse_args()
    if given.data is None:
        print("SKIPPED: no labelled data (docs/evaluation.md)")
        return 0
    try:
        model = load_model(given.model)
        sets = labelled_sets(given.data)
    except (ModelError, NoLabelledSets) as error:
        print(error, file=sys.stderr)
        return 2
    streams = [of_set(one) for one in sets] + [of_days(*which) for which in DAYS[: given.days]]
    code = commit()  # now, since what is changed while this runs is not what runs
    cases: list[Case] = []
    for stream in streams:
        for case in conditions(stream, model):
            cases.append(case)
            print(f"{case.stream}: {case.condition}", flush=True)
    text = report(
        cases,
        reliability=[
            (name, _reliability(model, [case for case in cases if belongs(case)]))
            for name, belongs in (
                ("the labelled sets", lambda case: not case.generated and is_gated(case.stream)),
                ("sets on which nothing is better than chance", lambda case: not is_gated(case.stream)),
                ("generated days", lambda case: case.generated),
            )
        ],
        rules=rules_left_out(cases) if given.leave_out else None,
        estimates=estimates_left_out(cases) if given.leave_out else None,
        commit=code,
    )
    given.out.write_text(text, encoding="utf-8")
    print(f"Wrote {given.out}")
    return 0


def conditions(stream: Stream, model: Model) -> Iterator[Case]:
    """Watch a stream after histories of each kind."""

    def case(condition: str, changed: Stream, after: Warm, mark: int = 0) -> Case:
        found = judged_from(watched(changed, after), mark)
        return Case(stream.name, condition, found, generated=stream.workload is not None)

    whole = warm(stream, Mode.LSTM, model)
    yield case(WHOLE, stream, whole)
    for hours in SHORT_HOURS:
        if (short := shortened(stream, hours)) is not None:
            yield case(f"{hours} h of it", short, warm(short, Mode.LSTM, model))
    for condition, changed in (
        ("2 % faults in it", with_faults(stream)),
        ("an outage at its end", with_flood(stream)),
    ):
        yield case(condition, changed, warm(changed, Mode.LSTM, model))
    other, middle = other_load(stream)
    yield case("another load since", other, whole, middle)


def _reliability(model: Model, cases: list[Case]) -> list[Reliability]:
    """What the shipped curve says of the judged ranges, which come after everything that it was fitted on."""
    said, fault = [], []
    for case in cases:
        if case.condition == WHOLE:
            margins, states = case.watched.estimate.online[1.0], _states(case.watched)
            kept = np.isfinite(margins) & (states != IGNORED)
            said.append(margins[kept])
            fault.append(states[kept] == FAULT)
    if not said:
        return []
    curve = model.calibration.probability
    fitted = FittedCurve(tuple(curve.margin), tuple(curve.probability), curve.fault_share)
    return reliability(fitted, np.concatenate(said), np.concatenate(fault))


def _states(found: Watched) -> np.ndarray[tuple[int, int], np.dtype[np.int8]]:
    return np.concatenate([stretch.states for stretch in found.labels.ranges], axis=1)


if __name__ == "__main__":
    sys.exit(main())
