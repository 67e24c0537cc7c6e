"""The made-up past: what it looks like, and that its counters say what was used."""

import numpy as np
import pytest

from localcluster.flags import new_signing_key
from localcluster.history import ContainerPast, openmetrics
from localcluster.load import TIDE_SECONDS, Load, sample, tide

AT = np.arange(1_790_000_000.0, 1_790_000_000.0 + 2 * TIDE_SECONDS, 5.0)


def test_the_tide_swings_once_in_its_time() -> None:
    swing = tide(AT)
    assert swing.min() == pytest.approx(-1)
    assert swing.max() == pytest.approx(1)
    assert swing.mean() == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(swing[: len(AT) // 2], swing[len(AT) // 2 :])


def test_usage_keeps_to_its_load() -> None:
    usage = sample(Load(cpu_cores=0.2, memory_bytes=1e8), AT, np.random.default_rng(7))
    assert usage.cpu_cores.mean() == pytest.approx(0.2, rel=0.02)
    assert usage.memory_bytes.max() / usage.memory_bytes.min() < 1.12


def test_the_same_seed_makes_the_same_past() -> None:
    first, second = (sample(Load(), AT, np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(first.transmit_bytes_per_second, second.transmit_bytes_per_second)


def test_counters_add_up_to_what_was_used() -> None:
    usage = sample(Load(cpu_cores=0.2), AT, np.random.default_rng(7))
    lines = list(openmetrics([ContainerPast("shop", "web-1", "node-1", "app", usage)]))
    of_cpu = [line for line in lines if line.startswith("container_cpu_usage_seconds_total{")]
    assert len(of_cpu) == len(AT)
    labels, last, at = of_cpu[-1].split()
    assert labels.endswith('{job="cadvisor",instance="node-1",namespace="shop",pod="web-1",container="app"}')
    assert float(at) == AT[-1]
    assert float(last) == pytest.approx(0.2 * (AT[-1] - AT[0]), rel=0.02)


def test_a_family_is_announced_without_total_and_the_text_ends() -> None:
    usage = sample(Load(), AT, np.random.default_rng(7))
    lines = list(openmetrics([ContainerPast("shop", "web-1", "node-1", "app", usage)]))
    assert "# TYPE container_network_receive_bytes counter\n" in lines
    assert lines[-1] == "# EOF\n"


def test_annotations_say_the_load() -> None:
    assert Load(cpu_cores=0.25, memory_bytes=3e8, network_bytes_per_second=5e4).annotations() == {
        "load.podvigil.io/cpu": "250m",
        "load.podvigil.io/memory": "300000000",
        "load.podvigil.io/network": "50000",
    }


def test_each_signing_key_is_new() -> None:
    assert new_signing_key() != new_signing_key()
    assert new_signing_key().startswith("-----BEGIN EC PRIVATE KEY-----\n")
