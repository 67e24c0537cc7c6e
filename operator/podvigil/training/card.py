"""The model card: what a person must know before trusting the weights. Every number in it was measured."""

from dataclasses import dataclass

from podvigil.detect.store import Calibration
from podvigil.training.calibrate import Reliability
from podvigil.training.convert import PARITY_STEPS
from podvigil.training.judge import Figures
from podvigil.training.train import WINDOWS_PER_STEP, Progress
from podvigil.training.windows import LENGTH


@dataclass(frozen=True, slots=True)
class Measured:
    """What a run of `make` found out."""

    parity: float
    """Largest difference between Keras and the cell."""
    last: Progress
    training_cpu_seconds: float
    with_network: Figures
    statistics: Figures
    reliability: list[Reliability]
    check_clusters: int


def card(calibration: Calibration, measured: Measured) -> str:
    """Return the text of `models/README.md`."""
    training = calibration.training
    return f"""# Model card: `{calibration.version}`

Written by `{training.command}`; do not edit. Run it again and the same machine gives the same weights.

## What it is
One LSTM for all pods ({calibration.cell.inputs} inputs, {calibration.cell.hidden} units), stepped once per
sample with its state kept per pod. One head says what to expect of CPU, memory and traffic, the other
how likely a fault is. Its inputs are deviations from each pod's own last hour, not natural units; the
detector adds at most {calibration.beta:g} sigma per unit of its fault logit to the statistics' score.

| file | what for |
|---|---|
| `model.keras` | the trained Keras network; the operator never reads it |
| `cell.tflite` | one step of it, run by LiteRT; sha256 `{calibration.cell.sha256}` |
| `calibration.json` | shapes, feature order, probability curve, how it was made |

Keras and the cell differ by at most {measured.parity:.1e} in any output over {PARITY_STEPS:,} steps.

## Trained on
{_data(calibration)}

{training.clusters} clusters, seed {training.seed}, {training.steps:,} steps of {WINDOWS_PER_STEP} windows of
{LENGTH} samples: {measured.training_cpu_seconds:.0f} CPU-seconds,
{_per_million(calibration, measured):.1f} per million samples with their past (a window each, of the trailing hour).
Last losses: fault {measured.last.fault_loss:.4f}, forecast {measured.last.forecast_loss:.3f}.
No label of any data set was used: all faults are injected. No series is part of this repository.

## Measured
On {measured.check_clusters} generated clusters that were neither trained nor calibrated on, at the threshold
aimed at one false alarm per pod-day, estimated by the detector on the way. The generator is the one of the
training, so these figures are an upper bound for faults of these kinds and say nothing of others. Of kinds that
are left out of the training nothing shows that the network finds more than the statistics at as many alarms
([left_out.md](../benchmarks/results/left_out.md)), which is why its say is bounded. With it and without: on recorded
sets, for three seeds, [detection.md](../benchmarks/results/detection.md); over several generated days
[days.md](../benchmarks/results/days.md).

| | with the network | statistics alone |
|---|---|---|
| false alarms per pod-day | {_pair(measured, "false_alarms_per_pod_day", ".2f")} |
| share of faults seen | {_pair(measured, "recall", ".3f")} |
| median delay, seconds | {_pair(measured, "median_delay_seconds", ".0f")} |
| pod-days judged | {_pair(measured, "pod_days", ".1f")} |

Share of faults seen, by kind:

| fault | number | with the network | statistics alone |
|---|---|---|---|
{_kinds(measured)}

## Probabilities
They assume that {calibration.probability.fault_share:.0%} of all samples are at fault. On the same clusters:

| said | mean said | share at fault | samples |
|---|---|---|---|
{_reliability(measured.reliability)}

## Limits
- It sees CPU, memory and traffic of pods. Wrong answers, exceptions and slow dependencies that leave no
  trace there are not detected.
- Daily and weekly habits are not in it: what deviates from the last hour is news to it.
- Probabilities hold as far as a cluster resembles the generated ones; the threshold adapts, the curve does not. What
  they are worth on recorded sets: [calibration.md](../benchmarks/results/calibration.md).
"""


def _data(calibration: Calibration) -> str:
    return "\n".join(
        f"- {source.name}: {source.licence}, {source.address}" for source in calibration.training.data
    )


def _per_million(calibration: Calibration, measured: Measured) -> float:
    """CPU-seconds; every sample of a window is learnt from with what came before it."""
    samples = calibration.training.steps * WINDOWS_PER_STEP * LENGTH
    return measured.training_cpu_seconds / samples * 1e6


def _pair(measured: Measured, name: str, spec: str) -> str:
    return f"{getattr(measured.with_network, name):{spec}} | {getattr(measured.statistics, name):{spec}}"


def _kinds(measured: Measured) -> str:
    lines = []
    for kind, count in measured.with_network.faults.items():
        seen = measured.with_network.seen.get(kind, 0) / count
        others = measured.statistics.faults.get(kind, 0)
        plain = f"{measured.statistics.seen.get(kind, 0) / others:.2f}" if others else "–"
        lines.append(f"| {kind} | {count} | {seen:.2f} | {plain} |")
    return "\n".join(lines)


def _reliability(rows: list[Reliability]) -> str:
    return "\n".join(
        f"| {row.low:.2f} to {row.high:.2f} | {row.said:.3f} | {row.was:.3f} | {row.samples:,} |"
        for row in rows
    )
