"""A generated cluster as a file that `benchmarks/detection/scorer.py` scores and `podvigil evaluate` judges by.

One file holds both: the samples, whose labels the scorer never reads, and the labels of the judged range.
docs/evaluation.md is the specification of either half.
"""

import json
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from days.labels import KINDS, Labelled
from days.world import FEATURES, INTERVAL_SECONDS, Mask, World

SOURCE: Final = "benchmarks/days"
LICENCE: Final = "Apache-2.0"

Arrays = dict[str, npt.NDArray[Any]]


def arrays(world: World, labelled: Labelled) -> Arrays:
    """Return the arrays of one cluster's file; the scorer's are (pods, time, features), NaN = pod absent."""
    values = labelled.samples.values.transpose(1, 0, 2)
    times = world.start + INTERVAL_SECONDS * np.arange(world.steps)
    sampled = taken(labelled)
    train = sampled & (np.arange(world.steps) < world.judged_from)
    test = sampled & ~train
    names = np.array([_name(world, row) for row in range(len(world.pods))])
    faults = [
        {
            "start": event.start,
            "end": event.end,
            "pods": [str(names[pod]) for pod in event.pods],
            "type": event.kind,
        }
        for event in labelled.events
    ]
    return {
        "train_0": values[:, train],
        "test_0": values[:, test],
        "ts_train_0": times[train],
        "ts_test_0": times[test],
        "workload": np.array([pod.workload for pod in world.pods]),
        "interval_s": np.array(float(INTERVAL_SECONDS)),
        "y": labelled.states[:, test],
        "ts": times[test],
        "faults": np.array(json.dumps(faults)),
        "pods": names,
        "features": np.array(FEATURES),
        "kind": labelled.kinds[:, test],
        "kinds": np.array([str(kind) for kind in KINDS]),
        "meta": np.array(json.dumps({"interval_s": INTERVAL_SECONDS, "source": SOURCE, "licence": LICENCE})),
    }


def taken(labelled: Labelled) -> Mask:
    """(T,): False while the source was silent about every pod: such samples are in no file."""
    seen: Mask = np.isfinite(labelled.samples.values).sum(axis=(1, 2)) > 0
    return seen


def _name(world: World, row: int) -> str:
    workload = world.pods[row].workload
    return f"{world.workloads[workload].archetype}-{workload}-{row}"
