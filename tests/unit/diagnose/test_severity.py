"""Who is hurried, and by what."""

from dataclasses import replace
from typing import Any

import pytest

from podvigil.api.signals import Severity, Signal
from podvigil.diagnose.rules import Facts
from podvigil.diagnose.severity import LIKELY, severity
from unit.detect.troubles import leak

ONE = Facts(Signal.MEMORY_HIGH, "Deployment shop/web", 1, 4, explanation=(), evidence=())
VOLUME: dict[str, Any] = {"signal": Signal.VOLUME_FILLING}
MOST: dict[str, Any] = {"pods_affected": 3}


@pytest.mark.parametrize(
    ("change", "probability", "wanted"),
    [
        pytest.param({}, LIKELY, Severity.WARNING, id="a-likely-fault-of-one-pod"),
        pytest.param({}, LIKELY - 0.01, Severity.INFO, id="an-unlikely-one"),
        pytest.param(MOST, LIKELY, Severity.CRITICAL, id="a-likely-fault-of-most-pods"),
        pytest.param(MOST, LIKELY - 0.01, Severity.INFO, id="an-unlikely-one-of-most-pods"),
        pytest.param({"signal": Signal.CRASH_LOOP}, 1.0, Severity.CRITICAL, id="crash-loop"),
        pytest.param({"signal": Signal.OOM_KILLED}, 1.0, Severity.CRITICAL, id="oom-killed"),
        pytest.param({"signal": Signal.RESTART_BURST}, 1.0, Severity.WARNING, id="restarts"),
        pytest.param({}, float("nan"), Severity.INFO, id="no-probability"),
        pytest.param({"forecast": leak(60)}, 0.0, Severity.CRITICAL, id="its-limit-is-an-hour-away"),
        pytest.param({"forecast": leak(61)}, 0.0, Severity.WARNING, id="its-limit-is-hours-away"),
        pytest.param({"forecast": leak(25 * 60)}, 0.0, Severity.INFO, id="its-limit-is-a-day-away"),
        pytest.param(VOLUME | {"at_limit": True}, 1.0, Severity.CRITICAL, id="a-full-volume"),
        pytest.param(
            VOLUME | {"at_limit": True, "forecast": leak(900)},
            1.0,
            Severity.CRITICAL,
            id="full-beside-one-that-fills",
        ),
        pytest.param(VOLUME, 0.9, Severity.WARNING, id="no-longer-full"),
        pytest.param(VOLUME | {"forecast": leak(60)}, 0.9, Severity.CRITICAL, id="full-within-the-hour"),
        pytest.param(VOLUME | MOST | {"forecast": leak(61)}, 0.9, Severity.WARNING, id="volumes-of-replicas"),
        pytest.param({"forecast": leak(25 * 60)}, LIKELY, Severity.WARNING, id="a-forecast-lowers-nothing"),
    ],
)
def test_severity(change: dict[str, Any], probability: float, wanted: Severity) -> None:
    assert severity(replace(ONE, **change), probability) is wanted
