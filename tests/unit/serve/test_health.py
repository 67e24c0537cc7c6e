from podvigil.serve.health import Beat, Watchdog, is_alive, is_ready


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_part_is_late_only_after_its_time() -> None:
    beats = [Beat("scorer", 100.0, 30.0), Beat("queue", 100.0, 60.0)]
    assert is_alive([], 0.0).ok
    assert is_alive(beats, 130.0).ok
    late = is_alive(beats, 130.1)
    assert (late.ok, late.message) == (False, "scorer has not moved for 30 s")
    assert is_alive(beats, 161.0).message == "queue has not moved for 61 s; scorer has not moved for 61 s"


def test_ready_needs_a_start_and_no_obstacle() -> None:
    assert is_ready([], started=False).message == "starting"
    assert is_ready([], started=True).ok
    assert is_ready([("gate", "no policy")], started=True).message == "gate: no policy"


def test_the_watchdog_remembers() -> None:
    clock = Clock()
    watchdog = Watchdog(clock)
    watchdog.beat("scorer", 30.0)
    clock.now += 31
    assert not watchdog.alive().ok
    watchdog.retire("scorer")
    assert watchdog.alive().ok
    watchdog.started()
    watchdog.block("gate", "no policy")
    assert not watchdog.ready().ok
    watchdog.unblock("gate")
    assert watchdog.ready().ok
