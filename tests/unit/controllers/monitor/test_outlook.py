"""Whose memory is followed, from when on, and whose limit is foretold."""

from datetime import timedelta

import numpy as np
import pytest

from podvigil.api.signals import Signal
from podvigil.collect.pods import PodRecord, Termination
from podvigil.controllers.monitor.outlook import MAXIMUM_ASKED, Outlook
from podvigil.controllers.monitor.vitals import PodRows
from podvigil.detect.findings import Finding
from podvigil.window.arrays import Array
from unit.controllers.monitor.pods import pod, selected
from unit.detect.troubles import MEBI, finding

LIMIT = 512 * MEBI
GROWING: Array = (100 + np.arange(60.0)) * MEBI
"""A mebibyte a minute: 353 minutes are left at the end."""
LEFT = timedelta(minutes=353)


def limited(name: str = "web-1", limit: float | None = LIMIT, ended: float | None = None) -> PodRecord:
    """A pod with a limit, whose container may have ended at some Unix second."""
    last = None if ended is None else Termination("app", "OOMKilled", 137, ended)
    return pod(name, memory_limit_bytes=limit, last_termination=last)


class Minutes:
    """An outlook over some pods, a minute between samples."""

    def __init__(self) -> None:
        self.rows = PodRows(limit=4 * MAXIMUM_ASKED)
        self.outlook = Outlook(60.0, self.rows.capacity)

    def select(self, *pods: PodRecord) -> None:
        self.selection = selected(*pods)
        self.outlook.place(self.selection, self.rows, self.rows.select(self.selection))

    def pass_by(self, series: Array) -> None:
        """Let every pod of the selection have these values."""
        for value in series:
            self.outlook.observe(np.where(self.rows.present, value, np.nan))

    def foretold(self, *found: Finding) -> list[timedelta | None]:
        seen = self.outlook.foresee(found, self.selection, self.rows)
        return [f.forecast.estimate if f.forecast else None for f in seen]


def test_a_pod_that_grows_is_told_its_limit() -> None:
    pods = Minutes()
    pods.select(limited())
    pods.pass_by(GROWING)
    (left,) = pods.foretold(finding("web-1"))
    assert left is not None
    assert left / LEFT == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(limited(limit=None), id="without-a-limit"),
        pytest.param(limited(ended=1.0), id="restarted-just-now"),
        pytest.param(pod(uid="another", memory_limit_bytes=LIMIT), id="replaced-under-its-name"),
        pytest.param(limited("web-2"), id="another-pod"),
    ],
)
def test_of_whom_nothing_is_foretold(other: PodRecord) -> None:
    pods = Minutes()
    pods.select(limited())
    pods.pass_by(GROWING)
    pods.select(other)
    pods.pass_by(GROWING[-3:])
    assert pods.foretold(finding(other.key.name)) == [None]


def test_what_fills_a_volume_has_a_forecast_of_its_own() -> None:
    pods = Minutes()
    pods.select(limited())
    pods.pass_by(GROWING)
    assert pods.foretold(finding("web-1", signal=Signal.VOLUME_FILLING)) == [None]


def test_an_old_restart_is_no_news() -> None:
    pods = Minutes()
    pods.select(limited(ended=1.0))
    pods.pass_by(GROWING[:30])
    pods.select(limited(ended=1.0))
    pods.pass_by(GROWING[30:])
    assert pods.foretold(finding("web-1")) != [None]


def test_history_from_before_a_restart_is_not_of_this_process() -> None:
    times = 60.0 * np.arange(60)
    foretold: list[timedelta | None] = []
    for ended in (None, times[55]):
        pods = Minutes()
        pods.select(limited(ended=ended))
        memory = np.where(pods.rows.present, GROWING[:, None], np.nan)
        assert pods.outlook.is_new
        pods.outlook.warm_start(memory, times)
        assert not pods.outlook.is_new
        foretold += pods.foretold(finding("web-1"))
    assert foretold[0] is not None
    assert foretold[1] is None


def test_missed_ticks_are_time_that_passed() -> None:
    pods = Minutes()
    pods.select(limited())
    pods.pass_by(GROWING[:40])
    pods.outlook.skip(10)
    pods.pass_by(GROWING[50:])
    (left,) = pods.foretold(finding("web-1"))
    assert left is not None
    assert left / LEFT == pytest.approx(1.0, abs=0.1)


def test_in_a_storm_the_first_ones_are_asked_about_and_all_are_kept() -> None:
    names = [f"web-{i}" for i in range(MAXIMUM_ASKED + 1)]
    pods = Minutes()
    pods.select(*(limited(name) for name in names))
    pods.pass_by(GROWING)
    foretold = pods.foretold(*(finding(name) for name in names))
    assert [left is not None for left in foretold] == [True] * MAXIMUM_ASKED + [False]
