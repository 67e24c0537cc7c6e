"""What is counted, and that a monitor that is gone leaves no gauge behind."""

from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from podvigil.api.reasons import Reason
from podvigil.controllers.monitor.metrics import MonitorMetrics
from podvigil.controllers.monitor.status import TickFacts, Trouble
from unit.detect.troubles import NOW, at

DOWN = Trouble(Reason.SOURCE_UNREACHABLE, "no answer")
LOADED = Trouble(Reason.MODEL_LOADED, "model 1")
GOOD: dict[str, Any] = {"model": LOADED, "watched": 5, "scored": 4, "threshold": 3.25, "active": 2}


class Counted:
    """The metrics of one registry, read as Prometheus would."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.metrics = MonitorMetrics(self.registry)

    def __call__(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"podvigil_{name}", {"monitor": "shop"} | labels)


def test_a_good_tick() -> None:
    counted = Counted()
    counted.metrics.observe(
        "shop", TickFacts(duration_seconds=0.2, held_back=1, history_days=2.0, **GOOD), NOW
    )
    assert counted("ticks_total", outcome="Evaluated") == 1
    assert counted("last_tick_timestamp_seconds") == NOW.timestamp()
    assert (counted("pods", state="scored"), counted("pods", state="unknown")) == (4, 1)
    assert (counted("score_threshold"), counted("model_loaded")) == (3.25, 1)
    assert (counted("reports_active"), counted("reports_held_back")) == (2, 1)
    assert counted("tick_duration_seconds_sum") == pytest.approx(0.2)
    assert counted("history_seconds") == 2 * 86_400


def test_a_tick_without_data_is_counted_by_its_reason_and_keeps_the_last_good_time() -> None:
    counted = Counted()
    counted.metrics.observe("shop", TickFacts(**GOOD), NOW)
    counted.metrics.observe("shop", TickFacts(source_trouble=DOWN, watched=5), at(30))
    assert counted("ticks_total", outcome="SourceUnreachable") == 1
    assert counted("source_errors_total", reason="SourceUnreachable") == 1
    assert counted("last_tick_timestamp_seconds") == NOW.timestamp()
    assert (counted("pods", state="scored"), counted("pods", state="unknown")) == (0, 5)
    assert counted("model_loaded") == 0


def test_a_monitor_that_cannot_be_used_is_no_fault_of_the_source() -> None:
    counted = Counted()
    nobody = Trouble(Reason.NOTHING_SELECTED, "no pod")
    counted.metrics.observe("shop", TickFacts(spec_trouble=nobody), NOW)
    assert counted("ticks_total", outcome="NothingSelected") == 1
    assert counted("source_errors_total", reason="NothingSelected") is None


@pytest.mark.parametrize("facts", [TickFacts(**GOOD), TickFacts(source_trouble=DOWN)], ids=["good", "never"])
def test_a_monitor_that_is_gone_leaves_no_gauge(facts: TickFacts) -> None:
    counted = Counted()
    for monitor in ("shop", "other"):
        counted.metrics.observe(monitor, facts, NOW)
    counted.metrics.forget("shop")
    counted.metrics.forget("never-seen")
    assert counted("pods", state="scored") is None
    assert counted("model_loaded") is None
    assert counted("reports_active") is None
    assert counted.registry.get_sample_value("podvigil_model_loaded", {"monitor": "other"}) is not None


def test_no_pod_is_ever_a_label() -> None:
    counted = Counted()
    counted.metrics.observe("shop", TickFacts(source_trouble=DOWN, **GOOD), NOW)
    labels = {
        name for metric in counted.registry.collect() for sample in metric.samples for name in sample.labels
    }
    assert labels <= {"monitor", "outcome", "reason", "state", "signal", "le"}
    assert b'monitor="shop"' in generate_latest(counted.registry)
