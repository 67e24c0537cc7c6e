"""Hysteresis: a trouble that lasts is reported once, one that flaps is not, and silence changes nothing."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podvigil.api.features import Feature
from podvigil.api.signals import Signal
from podvigil.detect.findings import Finding, Observation
from podvigil.detect.incidents import Incident, IncidentKey, IncidentRules, Step, step
from unit.detect.troubles import CART, NOW, WEB, at, finding, incident, share

RULES = IncidentRules(minimum_duration=timedelta(seconds=60), clear_after=timedelta(seconds=90))
TICK = 30.0
BOTH = frozenset({WEB.uid, CART.uid})

CALM = Observation((), scored={WEB.uid: 3}, running={WEB.uid: 3}, existing=BOTH)
BLIND = Observation((), existing=BOTH)
"""The metrics source gave nothing; the API server did."""
BLACKOUT = Observation(())
"""Neither gave anything."""


def bad(*findings: Finding) -> Observation:
    return replace(CALM, findings=findings or (finding(),))


def run(
    seen: list[Observation], *, start: int = 0, incidents: Mapping[IncidentKey, Incident] | None = None
) -> list[Step]:
    """One tick every 30 seconds."""
    steps, known = [], incidents or {}
    for number, one in enumerate(seen, start):
        steps.append(step(known, one, now=at(number * TICK), rules=RULES))
        known = steps[-1].incidents
    return steps


def only(done: Step) -> Incident:
    (one,) = done.incidents.values()
    return one


def test_a_trouble_opens_once_after_the_minimum_duration() -> None:
    steps = run([CALM, bad(), bad(), bad(), bad()])
    # First seen at 30 s, open at 30 + 60 = 90 s: the fourth tick.
    assert [len(s.incidents) for s in steps] == [0, 1, 1, 1, 1]
    assert [bool(s.opened) for s in steps] == [False, False, False, True, False]
    assert [only(s).is_open for s in steps[1:]] == [False, False, True, True]
    assert (only(steps[-1]).since, only(steps[-1]).opened_at) == (at(30), at(90))
    assert only(steps[-1]).last_seen == at(120)


def test_the_rollout_of_its_beginning_is_kept() -> None:
    rolled = [replace(bad(), rollouts={WEB.uid: at(-300)}), replace(bad(), rollouts={WEB.uid: at(20)})]
    assert [only(s).rolled_out_at for s in run(rolled)] == [at(-300), at(-300)]


def test_without_a_minimum_duration_it_opens_at_once() -> None:
    rules = replace(RULES, minimum_duration=timedelta(0))
    done = step({}, bad(), now=NOW, rules=rules)
    assert [i.opened_at for i in done.opened] == [NOW]


@pytest.mark.parametrize(
    "calm",
    [
        pytest.param(CALM, id="nothing-found"),
        pytest.param(bad(finding(over=False)), id="only-nearly-over"),
        pytest.param(bad(finding(settled=False)), id="only-a-pod-that-just-started"),
    ],
)
def test_a_break_starts_the_count_anew(calm: Observation) -> None:
    steps = run([bad(), bad(), calm, bad(), bad()])
    assert not steps[2].incidents
    assert not any(s.opened for s in steps)
    assert only(steps[-1]).since == at(90)


@pytest.mark.parametrize("silence", [BLIND, BLACKOUT], ids=["source-down", "everything-down"])
def test_a_tick_without_data_does_not_change_an_open_incident(silence: Observation) -> None:
    before = run([bad(), bad(), bad()])[-1].incidents
    after = run([silence] * 20, start=3, incidents=before)
    assert all(s.incidents == before and not s.closed and not s.opened for s in after)


@pytest.mark.parametrize("silence", [BLIND, BLACKOUT], ids=["source-down", "everything-down"])
def test_an_outage_is_neither_trouble_that_lasts_nor_calm(silence: Observation) -> None:
    suspected = run([bad(), *[silence] * 20, bad()])
    assert not any(s.opened for s in suspected)
    was_open = run([bad(), bad(), bad(), *[silence] * 20, CALM])
    assert not was_open[-1].closed


def test_it_closes_when_it_was_away_for_long_enough() -> None:
    steps = run([bad(), bad(), bad(), CALM, CALM, CALM, CALM])
    # Calm from 90 s on, until 90 + 90 = 180 s: the seventh tick.
    assert [len(s.closed) for s in steps] == [0, 0, 0, 0, 0, 0, 1]
    assert [len(s.incidents) for s in steps] == [1, 1, 1, 1, 1, 1, 0]
    (closed,) = steps[6].closed
    assert (closed.last_seen, closed.last_evaluated, closed.findings) == (at(60), at(180), ())


def test_between_two_findings_it_stays_open_and_says_that_none_is_seen() -> None:
    steps = run([bad(), bad(), bad(), CALM, bad()])
    assert (only(steps[3]).findings, only(steps[3]).evaluated) == ((), 3)
    assert (only(steps[3]).last_seen, only(steps[3]).last_evaluated) == (at(60), at(90))
    assert only(steps[4]).since == NOW, "the same episode goes on"
    assert not steps[4].opened


def test_nearly_over_holds_an_open_incident_open_for_good() -> None:
    steps = run([bad(), bad(), bad(), *[bad(finding(over=False))] * 30])
    assert only(steps[-1]).is_open
    assert not any(s.closed for s in steps)


def test_a_pod_that_just_started_does_not_open_but_holds_open() -> None:
    fresh = bad(finding(settled=False))
    assert not any(s.incidents for s in run([fresh] * 10))
    assert not any(s.closed for s in run([bad(), bad(), bad(), *[fresh] * 10]))


@pytest.mark.parametrize("ticks", [1, 3], ids=["pending", "open"])
def test_a_workload_that_is_gone_ends_its_incidents(ticks: int) -> None:
    before = run([bad()] * ticks)[-1].incidents
    for seen in (Observation((), existing=frozenset()), replace(bad(), existing=frozenset({CART.uid}))):
        done = step(before, seen, now=at(ticks * TICK), rules=RULES)
        assert not done.incidents
        # What was never reported needs no closing.
        assert len(done.gone) == (1 if ticks == 3 else 0)
        assert not done.closed


def test_a_model_incident_keeps_its_name_while_the_leading_feature_changes() -> None:
    cpu = finding(signal=Signal.CPU_HIGH, explanation=(share(Feature.CPU),))
    steps = run([bad(), bad(cpu), bad(cpu), bad(cpu, finding("web-2"))])
    assert only(steps[2]).is_open
    assert {s.signal for done in steps for s in done.incidents.values()} == {Signal.MEMORY_HIGH}
    # The findings are told as they are.
    assert only(steps[2]).findings == (cpu,)
    assert {f.pod.name for f in only(steps[3]).findings} == {"web-1", "web-2"}


def test_two_pods_in_different_trouble_are_one_model_incident_named_by_the_worst() -> None:
    done = step(
        {}, bad(finding(score=4.0), finding("web-2", signal=Signal.CPU_HIGH, score=6.0)), now=NOW, rules=RULES
    )
    assert only(done).signal is Signal.CPU_HIGH
    assert [f.pod.name for f in only(done).findings] == ["web-2", "web-1"]


def test_workloads_and_certain_signals_are_incidents_of_their_own() -> None:
    loop = finding(signal=Signal.CRASH_LOOP, score=None, probability=1.0)
    other = finding("cart-1", workload=CART)
    done = step({}, bad(finding(), loop, other), now=NOW, rules=RULES)
    assert set(done.incidents) == {
        IncidentKey(WEB.uid, Signal.MEMORY_HIGH),
        IncidentKey(WEB.uid, Signal.CRASH_LOOP),
        IncidentKey(CART.uid, Signal.MEMORY_HIGH),
    }


def test_a_certain_signal_opens_and_closes_without_any_metrics() -> None:
    loop = finding(signal=Signal.CRASH_LOOP, score=None, probability=1.0)
    seen = replace(BLIND, findings=(loop,), running={WEB.uid: 3})
    calm = replace(BLIND, running={WEB.uid: 3})
    steps = run([seen, seen, seen, calm, calm, calm, calm])
    assert [len(s.opened) for s in steps] == [0, 0, 1, 0, 0, 0, 0]
    assert only(steps[2]).evaluated == 3
    assert [len(s.closed) for s in steps] == [0, 0, 0, 0, 0, 0, 1]


LOOP = finding(signal=Signal.CRASH_LOOP, score=None, probability=1.0)
BURST = finding(signal=Signal.RESTART_BURST, score=None, probability=1.0)
RUNS = replace(LOOP, over=False)
"""The container of a crash loop between two of its rounds."""


@pytest.mark.parametrize("between", [RUNS, BURST], ids=["it-runs", "it-restarts-often"])
def test_a_crash_loop_is_one_incident_whatever_its_rounds_look_like(between: Finding) -> None:
    running = replace(BLIND, running={WEB.uid: 3})
    rounds = [replace(running, findings=(one,)) for one in (LOOP, between, between)] * 20
    steps = run(rounds)
    assert sum(len(s.opened) for s in steps) == 1
    assert not any(s.closed for s in steps)
    assert only(steps[-1]).signal is Signal.CRASH_LOOP


def test_a_container_that_restarted_once_is_no_crash_loop() -> None:
    assert not run([replace(CALM, findings=(RUNS,))] * 9)[-1].incidents


def test_what_is_certain_is_told_within_ten_minutes_whatever_the_dial_says() -> None:
    rules = replace(RULES, minimum_duration=timedelta(hours=1))
    killed = replace(CALM, findings=(replace(LOOP, signal=Signal.OOM_KILLED),))
    first = step({}, killed, now=NOW, rules=rules)
    assert step(first.incidents, killed, now=at(60), rules=rules).opened


def test_a_pod_that_cannot_be_judged_is_not_calm_because_its_siblings_are() -> None:
    before = run([bad(), bad(), bad()])[-1].incidents
    blind = replace(CALM, unjudged=frozenset({(Signal.MEMORY_HIGH, finding().pod)}))
    after = run([blind] * 9, start=3, incidents=before)
    assert after[-1].incidents == before
    assert len(run([CALM] * 9, start=12, incidents=before)[-1].incidents) == 0
    # Another pod is in trouble, too, and gets well: the first is still not seen.
    other = bad(finding("web-2"))
    joined = run([replace(other, unjudged=blind.unjudged), *[blind] * 9], start=3, incidents=before)
    assert only(joined[-1]).sick == {finding().pod, finding("web-2").pod}


def test_what_only_metrics_tell_of_is_over_with_the_last_pod_of_a_job() -> None:
    seen = bad(finding(), LOOP)
    before = run([seen, seen, seen])[-1].incidents
    done = replace(CALM, scored={}, ended=frozenset({WEB.uid}))
    (gone,) = step(before, done, now=at(120), rules=RULES).gone
    assert gone.signal is Signal.MEMORY_HIGH


def test_a_claim_that_was_taken_away_is_forgotten_after_an_hour() -> None:
    volume = finding(signal=Signal.VOLUME_FILLING, score=None, probability=1.0)
    seen = replace(BLIND, findings=(volume,), with_volumes={WEB.uid: 3})
    before = run([seen] * 3)[-1].incidents
    away = replace(BLIND, unmounted=frozenset({WEB.uid}))
    assert step(before, away, now=at(60 + 3599), rules=RULES).incidents == before
    assert len(step(before, away, now=at(60 + 3600), rules=RULES).gone) == 1


def test_a_process_that_starts_anew_learns_of_the_rollout_again() -> None:
    open_one = {incident().key: incident(rolled_out_at=None)}
    for rolled, known in ((at(-300), at(-300)), (at(20), None)):
        done = step(open_one, replace(bad(), rollouts={WEB.uid: rolled}), now=at(90), rules=RULES)
        assert only(done).rolled_out_at == known


@pytest.mark.parametrize("signal", [Signal.MEMORY_HIGH, Signal.CPU_THROTTLING])
def test_what_the_metrics_say_is_not_over_because_pods_run(signal: Signal) -> None:
    score = None if signal is Signal.CPU_THROTTLING else 5.0
    before = run([bad(finding(signal=signal, score=score))] * 3)[-1].incidents
    after = run([replace(BLIND, running={WEB.uid: 3})] * 9, start=3, incidents=before)
    assert after[-1].incidents == before


def test_a_volume_that_nobody_sees_is_not_calm() -> None:
    volume = finding(signal=Signal.VOLUME_FILLING, score=None, probability=1.0)
    seen = replace(BLIND, findings=(volume,), with_volumes={WEB.uid: 3})
    before = run([seen] * 3)[-1].incidents
    assert only(run([seen] * 3)[-1]).evaluated == 3
    # Pods run and are scored, while the kubelets' statistics of volumes are away.
    away = replace(BLIND, running={WEB.uid: 3}, scored={WEB.uid: 3})
    assert run([away] * 9, start=3, incidents=before)[-1].incidents == before
    calm = replace(away, with_volumes={WEB.uid: 3})
    assert len(run([calm] * 9, start=3, incidents=before)[-1].incidents) == 0


def test_the_worst_pod_comes_first() -> None:
    pods = [("a", 4.0, 0.9), ("b", 6.0, 0.7), ("c", 4.0, 0.95), ("d", 4.0, 0.9)]
    seen = bad(*(finding(n, score=s, probability=p) for n, s, p in reversed(pods)))
    done = step({}, seen, now=NOW, rules=RULES)
    # By score, then by probability, then by name, so that equal ones do not swap places.
    assert [f.pod.name for f in only(done).findings] == ["b", "c", "a", "d"]


TICKS = st.lists(st.sampled_from(("over", "held", "fresh", "calm", "blind", "gone")), max_size=40)
SEEN = {
    "over": bad(),
    "held": bad(finding(over=False)),
    "fresh": bad(finding(settled=False)),
    "calm": CALM,
    "blind": BLIND,
    "gone": replace(CALM, existing=frozenset()),
}


@given(TICKS)
def test_whatever_comes_an_open_incident_was_opened_once_and_a_closed_one_was_open(story: list[str]) -> None:
    steps = run([SEEN[tick] for tick in story])
    opened: set[IncidentKey] = set()
    for tick, done in zip(story, steps, strict=True):
        for one in done.opened:
            assert one.key not in opened
            assert one.opened_at is not None
            assert one.opened_at - one.since >= RULES.minimum_duration
            assert tick == "over", "only a settled pod over the threshold opens"
            opened.add(one.key)
        for one in (*done.closed, *done.gone):
            opened.remove(one.key)
        assert {k for k, i in done.incidents.items() if i.is_open} == opened
        assert all(i.findings or i.is_open for i in done.incidents.values()), "a pending one was just seen"
        if tick == "blind":
            assert not done.opened
            assert not done.closed


def test_the_incidents_given_are_left_as_they_were() -> None:
    before = dict(run([bad()] * 3)[-1].incidents)
    kept = dict(before)
    step(before, CALM, now=at(500), rules=RULES)
    assert before == kept
