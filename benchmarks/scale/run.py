"""What 1,000 to 150,000 pods cost, side by side: `make bench-scale [DATA=FOLDER]` writes `results/scale.md`.

With DATA, the labelled sets, also what the compact form costs in quality, and other forms that were tried.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from detection.commit import commit
from detection.sets import NoLabelledSets, labelled_sets
from scale.forms import OURS
from scale.quality import LIMITS, Judged, judged, table

from podvigil.detect.detector import Mode
from podvigil.window.choice import EXACT_SAMPLES

RESULTS: Final = Path(__file__).parents[1] / "results" / "scale.md"
PODS: Final = (1_000, 10_000, 150_000)
LARGEST: Final = PODS[-1]
FEATURES: Final = 8
SECONDS: Final = 600
"""One measurement takes seconds to two minutes."""

WINDOW_MB: Final = 150.0
REFRESH_SECONDS: Final = 0.15

Found = dict[str, float]

HEAD: Final = """\
# Size

Made by `make bench-scale DATA=FOLDER`; without DATA the part on quality is missing. Code of commit {commit}.
30 s between samples. CPU is that of the process, on a machine that did other work too: read it as plus or minus a
third. MB are millions of bytes.

## What was promised, and what is

| promise | measured | holds |
|---|---|---|"""

WINDOW: Final = f"""
## The window, {FEATURES} features

The trailing samples with center and scale, as the baseline holds them; *in a tick* is the peak. Here the exact form is
sorted whole in each tick. The compact form stores every second sample, and its pods take turns: all of 150,000 in three
ticks. Once an hour the long references are learnt from the whole window. The operator holds up to
{EXACT_SAMPLES:,} samples (pods × features × samples) exactly, and compactly what is more: `choice.EXACT_SAMPLES`.

| pods | form | MB held | MB in a tick | refresh, CPU-s a tick | worst | store, CPU-s a tick | hourly, CPU-s |
|---|---|---|---|---|---|---|---|"""

DETECTOR: Final = """
## The whole detector, the four features that the model takes

In the form that the operator chooses, 15 pods a workload. *First* is the very first tick, *cold* the mean of the next
quarter of an hour without any history; *warm* and *worst* come after it, and *grew* is at the end, temporary arrays
included.

| pods | mode | warm, CPU-s a tick | worst | cold | first | MB the process grew |
|---|---|---|---|---|---|---|"""

QUALITY: Final = """
## What the form of the window costs in quality

VUS-PR on the labelled sets ([detection.md](detection.md)), the difference to the exact form, and false alarms per
pod-day at the detector's own threshold. Bytes are of one pod and feature at 30 s. A promise counts losses; no gain is
claimed, since the sets are small: nezha_tt_0129 holds 4 faults, where another 50 minutes of the hour move .02.
"""


def main() -> int:
    """Measure, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder with the labelled sets")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    try:
        sets = [] if given.data is None else labelled_sets(given.data)
    except NoLabelledSets as error:
        print(error, file=sys.stderr)
        return 2
    code = commit()
    windows = {
        (pods, form): measured("window", f"--pods={pods}", f"--form={form}", f"--features={FEATURES}")
        for pods in PODS
        for form in ("exact", "compact")
    }
    detectors = {
        (pods, mode): measured("detector", f"--pods={pods}", f"--mode={mode}")
        for pods in PODS
        for mode in (Mode.Z3, Mode.STATISTICS, Mode.LSTM)
    }
    state = measured("state", f"--pods={LARGEST}")
    quality: list[Judged] = []
    if given.data is None:
        print("SKIPPED the quality: no labelled data. make bench-scale DATA=FOLDER (docs/evaluation.md)")
    else:
        for one in judged(sets):
            quality.append(one)
            print(f"{one.form}, {one.mode}, {one.set}: VUS-PR {one.vus_pr:.4f}", flush=True)
    given.out.write_text("\n".join(report(windows, detectors, state, quality, code)) + "\n", encoding="utf-8")
    print(f"Wrote {given.out}")
    return 0


def measured(*arguments: str) -> Found:
    """Run one measurement in a process of its own."""
    command = [sys.executable, "-m", "scale.measure", *arguments]
    done = subprocess.run(
        command, check=True, timeout=SECONDS, capture_output=True, text=True, env=dict(os.environ)
    )
    found: Found = json.loads(done.stdout.splitlines()[-1])
    print(" ".join(arguments), found, flush=True)
    return found


def report(
    windows: dict[tuple[int, str], Found],
    detectors: dict[tuple[int, Mode], Found],
    state: Found,
    quality: Sequence[Judged],
    code: str,
) -> Iterator[str]:
    """Lines of the results file."""
    yield HEAD.format(commit=code)
    for promise, value, holds in promises(windows, quality):
        yield f"| {promise} | {value} | {'yes' if holds else '**no**'} |"
    yield WINDOW
    for (pods, form), found in windows.items():
        megabytes = f"{found['held_mb']:.1f} | {found['peak_mb']:.1f}"
        refresh = f"{found['refresh_s']:.4f} | {found['refresh_worst_s']:.4f}"
        yield f"| {pods:,} | {form} | {megabytes} | {refresh} | {found['store_s']:.4f} | {found['hourly_s']:.3f} |"
    yield DETECTOR
    for (pods, mode), found in detectors.items():
        ticks = " | ".join(f"{found[name]:.3f}" for name in ("tick_s", "worst_s", "cold_s", "first_s"))
        yield f"| {pods:,} | {mode} | {ticks} | {found['grown_mb']:.0f} |"
    yield (
        f"\nIn the mode LSTM, the network's state takes {state['state_mb']:.0f} MB for {LARGEST:,} pods, and the\n"
        f"{state['snapshots']:.0f} snapshots of the last five minutes {state['snapshots_mb']:.0f} MB, in 16 bits."
    )
    if quality:
        yield QUALITY
        yield from table(quality)


def promises(
    windows: dict[tuple[int, str], Found], quality: Sequence[Judged]
) -> Iterator[tuple[str, str, bool]]:
    """What the compact form has to keep: promise, measured, whether it holds."""
    large = windows[LARGEST, "compact"]
    what = f"{LARGEST:,} pods × {FEATURES} features"
    yield (
        f"{what}: the window takes ≤ {WINDOW_MB:.0f} MB",
        f"{large['held_mb']:.0f} MB, {large['peak_mb']:.0f} at the peak of a tick",
        large["peak_mb"] <= WINDOW_MB,
    )
    yield (
        f"{what}: its refresh takes ≤ {REFRESH_SECONDS} CPU-s a tick",
        f"{large['refresh_s']:.3f} CPU-s, {large['refresh_worst_s']:.3f} in the worst",
        large["refresh_worst_s"] <= REFRESH_SECONDS,
    )
    exact = {(one.mode, one.set): one.vus_pr for one in quality if one.form == "exact"}
    for one in quality:
        if one.form == OURS:
            loss = exact[one.mode, one.set] - one.vus_pr
            limit = LIMITS[one.set]
            yield f"{one.set}, {one.mode}: loses ≤ {limit} VUS-PR", f"{loss:+.4f}", loss <= limit


if __name__ == "__main__":
    sys.exit(main())
