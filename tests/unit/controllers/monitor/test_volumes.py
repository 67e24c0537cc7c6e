"""Whose volumes are followed: by claim, through pods that come and go, and of nobody who has none."""

import json
from datetime import timedelta

import numpy as np
import pytest

from podvigil.api.pods import PodKey
from podvigil.collect.columns import Column, Matrix
from podvigil.collect.errors import WrongLabels
from podvigil.controllers.monitor.vitals import PodRows
from podvigil.controllers.monitor.volumes import (
    FORGOTTEN_SECONDS,
    MAXIMUM_ASKED,
    PAST_ATTEMPTS,
    PAST_SECONDS,
    View,
    Volumes,
)
from podvigil.detect.findings import Finding
from unit.controllers.monitor.pods import pod, selected
from unit.detect.troubles import WEB

GROWING = 0.6 + 0.002 * np.arange(60)
"""A fifth of a percent a minute: .718 at the end, 141 minutes are left."""
LEFT = timedelta(minutes=141)
MINUTE = 60.0


def key(claim: str, name: str | None = None) -> bytes:
    labels = {"namespace": "shop", "persistentvolumeclaim": claim}
    return json.dumps(labels | ({"pod": name} if name else {})).encode()


class Minutes:
    """Volumes of some pods, a minute between samples."""

    def __init__(self, *names: str) -> None:
        self.rows = PodRows(limit=2_000)
        self.volumes = Volumes(MINUTE)
        self.at = 1e9
        self.select(*names)

    def select(self, *names: str) -> None:
        self.rows.select(selected(*(pod(name) for name in names)))

    def column(self, mounts: dict[tuple[str, str], float]) -> Column:
        keys = [key(claim, name) for name, claim in mounts]
        return Column("source", "query", keys, np.array([*mounts.values()], np.float64))

    def see(self, mounts: dict[tuple[str, str], float]) -> None:
        """How full the claims of pods are: {(pod, claim): share}."""
        self.at += MINUTE
        self.volumes.observe(self.column(mounts), self.rows, self.at)

    def watch(self, name: str = "db-0", claim: str = "data") -> None:
        for full in GROWING.tolist():
            self.see({(name, claim): full})

    def view(self) -> View:
        return self.volumes.view(self.rows)

    def found(self) -> tuple[Finding, ...]:
        return self.view().findings


def test_a_volume_that_fills_is_told() -> None:
    pods = Minutes("db-0", "db-1")
    for full in GROWING.tolist():
        pods.see({("db-0", "data"): full, ("db-1", "other"): 0.8})
    (found,) = pods.found()
    assert found.pod.name == "db-0"
    assert found.evidence == ("the volume of claim data is 72% full",)
    assert found.forecast is not None
    assert found.forecast.estimate / LEFT == pytest.approx(1.0, abs=0.1)
    assert pods.view().judged == {WEB.uid: 2}


def test_a_fuller_volume_hides_none_that_fills() -> None:
    pods = Minutes("db-0")
    for full in GROWING.tolist():
        pods.see({("db-0", "archive"): 0.9, ("db-0", "data"): full})
    assert [found.evidence for found in pods.found()] == [("the volume of claim data is 72% full",)]


def test_a_claim_outlives_its_pod() -> None:
    pods = Minutes("db-0")
    pods.watch()
    pods.select("db-0b")
    pods.see({("db-0b", "data"): 0.72})
    (found,) = pods.found()
    assert found.pod.name == "db-0b"


def test_a_claim_of_several_pods_is_told_of_each() -> None:
    pods = Minutes("web-1", "web-2")
    for full in GROWING.tolist():
        pods.see({("web-1", "shared"): full, ("web-2", "shared"): full})
    assert {found.pod.name for found in pods.found()} == {"web-1", "web-2"}


def test_a_past_tells_at_once() -> None:
    pods = Minutes("db-0")
    step = pods.volumes.past_step(1)
    times = step * np.arange(PAST_SECONDS / step, dtype=np.float64)
    slowly = 0.5 + 0.4 * times / times[-1]  # .4 in 34 hours: eight and a half are left
    past = Matrix("source", "query", [key("data"), key("nobody's")], times, np.stack([slowly, slowly]))
    assert pods.volumes.wants_past
    now = pods.column({("db-0", "data"): 0.9})
    pods.volumes.warm_start(past, now, step)
    assert not pods.volumes.wants_past
    pods.volumes.observe(now, pods.rows, pods.at)
    (found,) = pods.found()
    assert found.forecast is not None
    assert found.forecast.estimate / timedelta(hours=8.5) == pytest.approx(1.0, abs=0.1)


def test_of_many_claims_the_past_is_read_in_larger_steps() -> None:
    volumes = Volumes(30.0)
    assert volumes.past_step(10) == 120.0
    assert volumes.past_step(10_000) == 300.0


def test_a_source_that_cannot_tell_the_past_is_asked_three_times() -> None:
    pods = Minutes("db-0")
    for _ in range(PAST_ATTEMPTS):
        assert pods.volumes.wants_past
        pods.volumes.past_failed()
    assert not pods.volumes.wants_past
    pods.watch()
    assert len(pods.found()) == 1


def test_what_is_not_seen_is_not_calm() -> None:
    pods = Minutes("db-0")
    pods.watch()
    for say_nothing in (
        pods.volumes.unseen,
        lambda: pods.see({}),
        lambda: pods.see({("db-0", "data"): np.nan}),
    ):
        say_nothing()
        assert (pods.view().judged, pods.view().pods, pods.found()) == ({}, frozenset(), ())
    pods.at += 2 * MINUTE  # ticks that fell out
    pods.see({("db-0", "data"): float(GROWING[-1] + 0.008)})
    (found,) = pods.found()
    assert found.forecast is not None
    assert found.forecast.estimate / LEFT == pytest.approx(1.0, abs=0.1)


def test_who_is_not_watched_is_left_out() -> None:
    pods = Minutes("db-0")
    pods.see({("db-0", "data"): 0.1, ("db-7", "data-7"): 0.99})
    assert pods.view() == View(judged={WEB.uid: 1}, pods=frozenset({PodKey("shop", "db-0")}), answered=True)


def test_without_claims_nothing_is_kept() -> None:
    pods = Minutes("db-0")
    pods.see({})
    assert pods.view() == View()
    assert pods.volumes.wants_past


def test_every_full_volume_is_told_and_the_others_take_turns() -> None:
    count = MAXIMUM_ASKED + 100
    names = [f"db-{number}" for number in range(count)]
    pods = Minutes(*names)
    for minute, full in enumerate(GROWING.tolist()):
        # All stand higher than the one that fills, and more than can be asked at once are full.
        standing = {(name, f"data-{name}"): 0.98 for name in names[1:]}
        pods.see(standing | {(names[0], "data-db-0"): full})
        if minute >= len(GROWING) - 2:
            told = {found.pod.name for found in pods.found()}
    assert told == set(names)


def test_a_claim_that_nobody_mounts_any_more_gives_its_place() -> None:
    pods = Minutes("db-0", "db-1")
    pods.watch()
    pods.at += FORGOTTEN_SECONDS + MINUTE
    pods.see({("db-1", "other"): 0.1})
    pods.see({("db-0", "data"): 0.72})
    assert pods.found() == ()  # begun anew


def test_a_series_that_names_no_claim_is_told() -> None:
    pods = Minutes("db-0")
    nameless = Column("source", "query", [b'{"namespace":"shop","pod":"db-0"}'], np.array([0.5]))
    with pytest.raises(WrongLabels, match="persistentvolumeclaim"):
        pods.volumes.observe(nameless, pods.rows, 0.0)
