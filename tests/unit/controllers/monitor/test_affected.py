"""Which pods count as in trouble when a storm is looked for."""

from dataclasses import replace
from typing import Any

import pytest

from podvigil.api.pods import PodKey
from podvigil.api.signals import Signal
from podvigil.controllers.monitor.judge import affected_pods
from podvigil.controllers.monitor.select import Selection
from podvigil.remediate.storm import storm_of_pods
from unit.controllers.monitor.pods import pod, selected
from unit.detect.troubles import NOW, WEB, at, incident

KEY = PodKey("shop", "web-9")


def selection(**change: Any) -> Selection:
    """One pod, an hour old and not ready, of `web`."""
    usual = {"ready": False, "created": NOW.timestamp() - 3600}
    return selected(pod("web-9", **{**usual, **change}))


@pytest.mark.parametrize(
    ("change", "is_affected"),
    [
        pytest.param({}, True, id="not-ready-for-an-hour"),
        pytest.param({"ready": True}, False, id="ready"),
        pytest.param({"phase": "Pending"}, True, id="never-started"),
        pytest.param({"phase": "Unknown"}, True, id="its-node-is-silent"),
        pytest.param({"phase": "Succeeded"}, False, id="finished"),
        pytest.param({"terminating": True}, False, id="on-its-way-out"),
        pytest.param({"created": NOW.timestamp() - 300}, False, id="it-may-still-be-starting"),
        pytest.param({"created": NOW.timestamp() - 301}, True, id="it-should-have-started"),
    ],
)
def test_what_is_not_ready_for_long_is_in_trouble(change: dict[str, Any], is_affected: bool) -> None:
    assert affected_pods(selection(**change), {}, NOW) == ({KEY: WEB.uid} if is_affected else {})


def test_pods_of_open_incidents_are_in_trouble_once_each() -> None:
    found, pending = incident(), replace(incident(), opened_at=None)
    calm = selection(ready=True)
    assert affected_pods(calm, {found.key: found}, at(60)) == {PodKey("shop", "web-1"): WEB.uid}
    assert affected_pods(calm, {pending.key: pending}, at(60)) == {}
    both = affected_pods(selection(), {found.key: found}, at(60))
    assert set(both.values()) == {WEB.uid}
    assert len(both) == 2


@pytest.mark.parametrize(
    ("watched", "affected", "workloads", "is_storm"),
    [(10, 2, 3, True), (11, 2, 3, False), (10, 10, 2, False), (0, 0, 0, False), (0, 3, 3, True)],
)
def test_a_storm_is_a_fifth_of_the_pods_and_three_workloads(
    watched: int, affected: int, workloads: int, is_storm: bool
) -> None:
    said = storm_of_pods("shop", watched=watched, affected=affected, workloads=workloads)
    assert (said is not None) is is_storm


def test_a_volume_that_fills_makes_nobody_sick() -> None:
    opened = replace(incident(), signal=Signal.VOLUME_FILLING, opened_at=NOW)
    assert affected_pods(selection(ready=True), {opened.key: opened}, NOW) == {}
    assert (
        affected_pods(selection(ready=True), {opened.key: replace(opened, signal=Signal.MEMORY_HIGH)}, NOW)
        != {}
    )
