"""Give Prometheus a past: blocks with the very series that KWOK's nodes go on with.

Labels equal those of the live series, so each goes on as one series; a counter starts anew at the seam, which
`rate` takes for a restart of the container.
"""

import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from localcluster.binaries import ensure
from localcluster.errors import LocalClusterError
from localcluster.load import FloatArray, Usage
from localcluster.prometheus import JOB

CREATE_TIMEOUT_SECONDS: Final = 300
CFS_PERIODS_PER_SECOND: Final = 10.0


@dataclass(frozen=True, slots=True)
class ContainerPast:
    """One container of a pod on a simulated node, and what it used."""

    namespace: str
    pod: str
    node: str
    container: str
    usage: Usage


def write(past: Iterable[ContainerPast], data_folder: Path) -> None:
    """Make blocks of `past` in Prometheus' data folder, before it starts.

    Raises: LocalClusterError with what promtool said.
    """
    write_openmetrics(openmetrics(list(past)), data_folder)


def write_openmetrics(text_lines: Iterable[str], data_folder: Path) -> None:
    """Make blocks of any OpenMetrics text, which ends with its EOF. Raises: as `write`."""
    promtool = ensure(["promtool"])["promtool"]
    data_folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=data_folder.parent) as scratch:
        text = Path(scratch) / "history.om"
        with text.open("w") as lines:
            lines.writelines(text_lines)
        done = subprocess.run(
            [str(promtool), "tsdb", "create-blocks-from", "openmetrics", str(text), str(data_folder)],
            capture_output=True,
            text=True,
            timeout=CREATE_TIMEOUT_SECONDS,
            check=False,
        )
    if done.returncode != 0:
        raise LocalClusterError(f"promtool made no blocks in {data_folder}:\n{done.stderr.strip()}")


def openmetrics(past: list[ContainerPast]) -> Iterator[str]:
    """Lines of an OpenMetrics text: one family after the other, each series in the order of time."""
    for name, kind, of_container, values_of in SERIES:
        yield f"# TYPE {name.removesuffix('_total')} {kind}\n"
        for one in past:
            labels = f'job="{JOB}",instance="{one.node}",namespace="{one.namespace}",pod="{one.pod}"'
            if of_container:
                labels += f',container="{one.container}"'
            for at, value in zip(one.usage.at.tolist(), values_of(one.usage).tolist(), strict=True):
                yield f"{name}{{{labels}}} {value:.6f} {at:.3f}\n"
    yield "# EOF\n"


def _integral(rate: FloatArray, at: FloatArray) -> FloatArray:
    """Counter that grows by `rate` a second, from 0 at the first sample."""
    return np.concatenate([[0.0], np.cumsum(rate[1:] * np.diff(at))])


def _constant(value: float) -> Callable[[Usage], FloatArray]:
    return lambda usage: np.full_like(usage.at, value)


# Name, type, whether it is of a container (or of the whole pod), and its values.
SERIES: Final[tuple[tuple[str, str, bool, Callable[[Usage], FloatArray]], ...]] = (
    ("container_memory_working_set_bytes", "gauge", True, lambda usage: usage.memory_bytes),
    (
        "container_cpu_usage_seconds_total",
        "counter",
        True,
        lambda usage: _integral(usage.cpu_cores, usage.at),
    ),
    (
        "container_network_receive_bytes_total",
        "counter",
        False,
        lambda usage: _integral(usage.receive_bytes_per_second, usage.at),
    ),
    (
        "container_network_transmit_bytes_total",
        "counter",
        False,
        lambda usage: _integral(usage.transmit_bytes_per_second, usage.at),
    ),
    (
        "container_cpu_cfs_periods_total",
        "counter",
        True,
        lambda usage: _integral(np.full_like(usage.at, CFS_PERIODS_PER_SECOND), usage.at),
    ),
    # A healthy container is throttled in half a percent of its periods.
    (
        "container_cpu_cfs_throttled_periods_total",
        "counter",
        True,
        lambda usage: _integral(np.full_like(usage.at, CFS_PERIODS_PER_SECOND * 0.005), usage.at),
    ),
    ("kube_pod_container_status_restarts_total", "counter", True, _constant(0)),
)
