"""What a source that fails in part costs: as little as it can."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from podvigil.api.features import MODEL_FEATURES, Feature
from podvigil.api.monitor import MonitorSpec
from podvigil.api.reasons import Reason
from podvigil.collect.columns import Column, Floats, Matrix
from podvigil.collect.errors import BadAnswer, SourceError, Unreachable
from podvigil.collect.queries import namespace_matcher
from podvigil.controllers.monitor.evaluation import NEW_FEATURE_EVERY, Evaluation, Sight
from podvigil.controllers.monitor.past import ATTEMPTS, PAUSE_SECONDS
from podvigil.controllers.monitor.volumes import PAST_ATTEMPTS
from podvigil.settings import Settings
from unit.controllers.monitor.pods import QUERY, column, labels, pod, selected

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
STEP = timedelta(seconds=30)
NAMES = tuple(f"web-{number}" for number in range(6))
NOTHING = Column("prometheus", QUERY, [], np.array([]))
SELECTED = selected(*map(pod, NAMES))
AWAY = Unreachable("prometheus", "range", "no answer (ReadTimeout)", "-")
REFUSED = BadAnswer("prometheus", "range", "422", "-", status=422)


class Partly:
    """A source whose vitals come and go, and whose instant queries and ranges fail apart from each other."""

    name = "prometheus"

    def __init__(self) -> None:
        self.features: tuple[Feature, ...] = MODEL_FEATURES[:2]
        self.no_now: SourceError | None = None
        self.no_past: SourceError | None = None
        self.histories = 0
        self.pieces = 0

    def close(self) -> None:
        pass

    async def now(self, namespaces: tuple[str, ...], _: datetime) -> Mapping[Feature, Column]:
        namespace_matcher(namespaces)
        if self.no_now:
            raise self.no_now
        seen = column(dict.fromkeys(NAMES, 1.0))
        return {feature: seen if feature in self.features else NOTHING for feature in Feature}

    async def history(self, _: object, until: datetime, *, pods: int) -> Mapping[Feature, Matrix]:
        self.histories += 1
        end = until.timestamp() - 30.0
        return await self.between((), MODEL_FEATURES, end - 2970.0, end, 30.0, pods=pods)

    async def between(
        self, _: object, features: tuple[Feature, ...], start: float, end: float, step: float, *, pods: int
    ) -> Mapping[Feature, Matrix]:
        self.pieces += 1
        if self.no_past:
            raise self.no_past
        times: Floats = np.arange(start, end + 1, step, dtype=np.float64)
        answers = {}
        for feature in features:
            names = NAMES[:pods] if feature in self.features else ()
            rows = np.ones((len(names), len(times)))
            answers[feature] = Matrix("prometheus", QUERY, [labels(name) for name in names], times, rows)
        return answers

    async def volumes(self, *_: object) -> Column:
        return NOTHING


class Bench:
    """One evaluation of that source, ticked."""

    def __init__(self) -> None:
        settings = Settings(maximum_pods=64)
        ports: Any = SimpleNamespace(settings=settings, scorer=ThreadPoolExecutor(1), cluster=None)
        spec = MonitorSpec.model_validate({"namespaces": ["shop"], "detection": {"model": "Statistics"}})
        self.source = Partly()
        self.evaluation = Evaluation(spec, ports, self._opened)
        self.now = BEGIN

    async def _opened(self, *_: object, **__: object) -> Any:
        return self.source

    async def tick(self) -> Sight:
        self.now += STEP
        self.evaluation.place(SELECTED, 0)
        sight = await self.evaluation.look(SELECTED, self.now)
        await self.evaluation.recall(SELECTED)
        return sight


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize("why", [AWAY, REFUSED], ids=["away", "refused"])
async def test_a_source_that_cannot_tell_of_the_past_is_a_cold_start(bench: Bench, why: SourceError) -> None:
    bench.source.no_past = why
    sights = [await bench.tick() for _ in range(PAST_ATTEMPTS + 1)]
    assert [sight.verdict is not None for sight in sights] == [False] * (PAST_ATTEMPTS - 1) + [True] * 2
    assert bench.source.histories == PAST_ATTEMPTS


async def test_a_new_vital_without_a_past_costs_no_score(bench: Bench) -> None:
    await bench.tick()
    bench.source.no_past = AWAY
    bench.source.features = MODEL_FEATURES[:3]
    between = round(NEW_FEATURE_EVERY / STEP)
    sights = [await bench.tick() for _ in range(3 * between)]
    assert all(sight.verdict is not None for sight in sights)
    assert bench.source.histories == 1 + 3, "asked anew as seldom as a new vital restarts the scoring"
    bench.source.no_past = None
    bench.now += NEW_FEATURE_EVERY
    taken = (await bench.tick()).verdict
    assert taken is not None
    assert taken.scores.observed.shape[1] == 3, "taken once its past can be had"


async def test_the_habits_wait_for_a_source_that_was_away(bench: Bench) -> None:
    await bench.tick()
    assert (before := bench.evaluation.history_days) > 0
    bench.source.no_past = AWAY
    for _ in range(2 * ATTEMPTS):
        await bench.tick()
    bench.source.no_past = None
    bench.now += timedelta(seconds=PAUSE_SECONDS)
    await bench.tick()
    assert bench.evaluation.history_days > before


async def test_a_source_that_does_not_answer_is_not_asked_for_the_habits(bench: Bench) -> None:
    await bench.tick()
    asked = bench.source.pieces
    bench.source.no_now = bench.source.no_past = REFUSED
    for _ in range(2 * ATTEMPTS):
        assert (await bench.tick()).trouble is not None
    assert bench.source.pieces == asked
    bench.source.no_now = bench.source.no_past = None
    await bench.tick()
    assert bench.source.pieces == asked + 1


async def test_what_is_no_namespace_is_told(bench: Bench) -> None:
    wrong = replace(SELECTED, namespaces=("Shop-Payment", "shop"))
    bench.evaluation.place(wrong, 0)
    sight = await bench.evaluation.look(wrong, bench.now)
    assert sight.trouble is not None
    assert sight.trouble.reason is Reason.INVALID_SPEC
    assert "'Shop-Payment' is no name of a namespace" in sight.trouble.message


async def test_of_no_namespace_at_all_nothing_is_asked(bench: Bench) -> None:
    await bench.tick()
    asked = bench.source.pieces
    await bench.evaluation.recall(replace(SELECTED, namespaces=()))
    assert bench.source.pieces == asked
