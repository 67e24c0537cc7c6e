"""`podvigil evaluate`: how good scores are, against labels."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from podvigil.evaluate.alarms import Operation
from podvigil.evaluate.figures import Figures, figures
from podvigil.evaluate.files import read_labels, read_scores
from podvigil.evaluate.npz import EvaluationError


def evaluate_command(
    labels: Annotated[Path, typer.Argument(help="npz file with y, ts and, if known, faults.")],
    scores: Annotated[Path, typer.Argument(help="npz file with test_0, test_1, …, one per labelled range.")],
    threshold: Annotated[
        float | None, typer.Option(help="A score of at least this alarms; else the one in the scores' file.")
    ] = None,
    every_fault: Annotated[
        bool,
        typer.Option(
            "--every-fault", help='Count faults marked "resource": false too; else they are ignored.'
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Say how well scores find labelled faults. The files and figures: docs/evaluation.md."""
    if threshold is not None and math.isnan(threshold):
        raise typer.BadParameter(
            "nan is no threshold; give a number, or leave it out", param_hint="--threshold"
        )
    try:
        truth = read_labels(labels, every_fault=every_fault)
        given = read_scores(scores, truth)
    except EvaluationError as error:
        typer.echo(f"podvigil: {error}", err=True)
        raise typer.Exit(2) from error
    chosen = given.threshold if threshold is None else threshold
    result = figures(truth, given.test, threshold=chosen, history=given.train)
    typer.echo(json.dumps(result.as_dict(), indent=2) if as_json else "\n".join(table(result, chosen)))


def table(result: Figures, threshold: float | None) -> Iterator[str]:
    """Lines for a person."""
    yield f"{result.faults} faults, {result.normal_pod_days:.1f} pod-days of normal samples"
    yield f"VUS-PR {result.vus_pr:.3f}   AUC-PR {result.auc_pr:.3f}   AUC-ROC {result.auc_roc:.3f}   " + (
        f"(random: {result.fault_share:.3f}, {result.fault_share:.3f}, 0.500)"
    )
    yield ""
    yield f"{'':34}{'false alarms':>14}{'recall':>8}{'median delay':>14}"
    yield f"{'at 1 false alarm per pod-day':34}" + (
        _row(result.at_budget) if result.keeps_budget else f"{'no threshold keeps it':>36}"
    )
    for name, share, operation in (
        ("where half of the faults are found", 0.5, result.at_half),
        ("where 80 % are", 0.8, result.at_most),
        ("where 90 % are", 0.9, result.at_nine_tenths),
    ):
        # Faults of which no sample was scored are found at no threshold.
        yield f"{name:34}" + (
            f"{'no threshold finds them':>36}" if operation.recall < share else _row(operation)
        )
    if result.at_threshold is not None and threshold is not None:
        yield f"{f'at the threshold {threshold:.3g}':34}{_row(result.at_threshold)}"
    yield "False alarms are per pod-day; the first four rows choose their threshold knowing the labels."


def _row(operation: Operation) -> str:
    delay = operation.median_delay_seconds
    late = "-" if math.isnan(delay) else f"{delay:.0f} s"
    return f"{operation.false_alarms_per_pod_day:14.2f}{operation.recall:8.2f}{late:>14}"
