"""Pods as the API server lists them, selected by a monitor."""

from typing import Any

import msgspec
import numpy as np

from podvigil.api.features import MODEL_FEATURES, Feature
from podvigil.api.pods import PodKey, Workload
from podvigil.collect.columns import Column, Matrix
from podvigil.collect.pods import PodRecord
from podvigil.controllers.monitor.select import Selection
from unit.detect.troubles import WEB

QUERY = "sum by (namespace, pod) (x)"


def pod(name: str = "web-1", **changes: Any) -> PodRecord:
    """A pod that runs well."""
    usual = PodRecord(
        key=PodKey("shop", name),
        uid=f"uid-{name}",
        resource_version="1",
        phase="Running",
        status_reason="",
        node="node-1",
        unschedulable="",
        created=0.0,
        started=0.0,
        ready=True,
        terminating=False,
        owner=None,
        pod_template_hash="",
        restarts=0,
        last_termination=None,
        waiting_reason="",
        cpu_limit_cores=None,
        memory_limit_bytes=None,
    )
    return msgspec.structs.replace(usual, **changes)


def selected(*pods: PodRecord, workload: Workload = WEB) -> Selection:
    """These pods, all of one workload."""
    return Selection(("shop",), {p.key: p for p in pods}, {p.key: workload for p in pods})


def labels(name: str) -> bytes:
    """The labels of a series about a pod, as a source writes them."""
    return f'{{"namespace":"shop","pod":"{name}"}}'.encode()


def column(values: dict[str, float]) -> Column:
    """One tick's answer for one feature, by pod name."""
    return Column("prometheus", QUERY, [labels(n) for n in values], np.array([*values.values()], float))


def columns(values: dict[str, float]) -> dict[Feature, Column]:
    """The same answer for every feature of the model."""
    return dict.fromkeys(MODEL_FEATURES, column(values))


def matrix(values: dict[str, list[float]]) -> Matrix:
    """A range's answer, by pod name."""
    rows = np.array([*values.values()], np.float64)
    times = np.arange(rows.shape[1], dtype=np.float64) * 30.0
    return Matrix("prometheus", QUERY, [labels(n) for n in values], times, rows)
