"""Whose volumes are followed: the fullest of each pod, through restarts, and of nobody who has none."""

import json
from datetime import timedelta

import numpy as np
import pytest

from podvigil.collect.columns import Column, Matrix
from podvigil.controllers.monitor.vitals import PodRows
from podvigil.controllers.monitor.volumes import MAXIMUM_ASKED, Volumes
from podvigil.detect.findings import Finding
from unit.controllers.monitor.pods import pod, selected

GROWING = 0.6 + 0.002 * np.arange(60)
"""A fifth of a percent a minute: .718 at the end, 141 minutes are left."""
LEFT = timedelta(minutes=141)


def key(name: str, claim: str) -> bytes:
    return json.dumps({"namespace": "shop", "pod": name, "persistentvolumeclaim": claim}).encode()


class Minutes:
    """Volumes of some pods, a minute between samples."""

    def __init__(self, *names: str) -> None:
        self.rows = PodRows(limit=1_000)
        self.volumes = Volumes(60.0)
        self.select(*names)

    def select(self, *names: str, uid: str | None = None) -> None:
        pods = [pod(name, **({"uid": uid} if uid else {})) for name in names]
        self.volumes.place(self.rows, self.rows.select(selected(*pods)))

    def see(self, **claims: float) -> None:
        """Claims of the pods db-0, db-1, …, by names such as db_0__data."""
        keys = [key(*name.replace("_", "-", 1).split("__")) for name in claims]
        self.volumes.observe(Column("source", "query", keys, np.array([*claims.values()])), self.rows)

    def found(self) -> tuple[Finding, ...]:
        return self.volumes.findings(self.rows)


def test_a_volume_that_fills_is_told() -> None:
    pods = Minutes("db-0", "db-1")
    for full in GROWING:
        pods.see(db_0__data=full, db_1__data=0.8)
    (found,) = pods.found()
    assert found.pod.name == "db-0"
    assert found.evidence == ("the volume of claim data is 72% full",)
    assert found.forecast is not None
    assert found.forecast.estimate / LEFT == pytest.approx(1.0, abs=0.1)


def test_it_is_the_fullest_that_is_told() -> None:
    pods = Minutes("db-0")
    for full in GROWING:
        pods.see(db_0__log=0.3, db_0__data=full, db_0__cache=0.5)
    assert [found.evidence for found in pods.found()] == [("the volume of claim data is 72% full",)]


def test_a_history_tells_at_once() -> None:
    pods = Minutes("db-0")
    times = 60.0 * np.arange(60, dtype=np.float64)
    # Two claims, of which the second is fuller in the second half only: the rows of one pod are taken together.
    values = np.stack([np.where(times < 1800, GROWING, np.nan), np.where(times < 1800, 0.1, GROWING)])
    pods.volumes.warm_start(
        Matrix("source", "query", [key("db-0", "a"), key("db-0", "b")], times, values), pods.rows
    )
    pods.see(db_0__b=float(GROWING[-1] + 0.002))
    (found,) = pods.found()
    assert found.forecast is not None


def test_what_was_lived_through_is_not_read_again() -> None:
    pods = Minutes("db-0")
    for full in GROWING:
        pods.see(db_0__data=full)
    pods.volumes.warm_start(
        Matrix("source", "query", [key("db-0", "data")], np.arange(3.0), np.full((1, 3), 0.99)), pods.rows
    )
    assert len(pods.found()) == 1


def test_another_pod_under_the_name_starts_anew() -> None:
    pods = Minutes("db-0")
    for full in GROWING:
        pods.see(db_0__data=full)
    pods.select("db-0", uid="another")
    pods.see(db_0__data=0.72)
    assert pods.found() == ()


def test_a_hole_in_the_source_says_nothing() -> None:
    pods = Minutes("db-0")
    for full in GROWING:
        pods.see(db_0__data=full)
    pods.see()
    assert pods.found() == ()
    pods.see(db_0__data=float("nan"))
    assert pods.found() == ()
    pods.volumes.skip(2)
    pods.see(db_0__data=float(GROWING[-1] + 0.008))
    assert len(pods.found()) == 1


def test_who_is_not_watched_is_left_out() -> None:
    pods = Minutes("db-0")
    pods.see(db_0__data=0.1, db_7__data=0.99)
    assert pods.found() == ()


def test_full_is_told_without_any_history_and_after_more_pods() -> None:
    pods = Minutes("db-0")
    pods.see(db_0__data=0.5)
    pods.select(*(f"db-{number}" for number in range(200)))
    pods.see(db_0__data=0.5, db_150__data=0.99)
    assert [found.pod.name for found in pods.found()] == ["db-150"]


def test_the_fullest_are_asked_first() -> None:
    count = MAXIMUM_ASKED + 50
    pods = Minutes(*(f"db-{number}" for number in range(count)))
    fulls = np.linspace(0.975, 0.999, count)
    keys = [key(f"db-{number}", "data") for number in range(count)]
    pods.volumes.observe(Column("source", "query", keys, fulls), pods.rows)
    names = {found.pod.name for found in pods.found()}
    assert names == {f"db-{number}" for number in range(50, count)}
