"""Days of the past, cut into pieces and laid to their workloads."""

from itertools import pairwise

import numpy as np
import pytest

from podvigil.api.features import MODEL_FEATURES, Feature
from podvigil.api.pods import PodKey, Workload
from podvigil.cluster.errors import Unavailable
from podvigil.collect.columns import Floats, Matrix
from podvigil.collect.errors import BadAnswer, PartialAnswer, Unaskable, Unreachable, WrongLabels
from podvigil.controllers.monitor.past import (
    ATTEMPTS,
    DAY_SECONDS,
    DAYS,
    MAXIMUM_SAMPLES,
    PAUSE_SECONDS,
    Past,
    joined,
    owners,
    pieces,
)
from podvigil.controllers.monitor.sources import CredentialsMissing
from unit.controllers.monitor.pods import QUERY, labels

NOW = 1_770_000_000.0


@pytest.mark.parametrize("pods", [1, 200, 10_000, 150_000, 5_000_000])
def test_the_pieces_cover_the_days_without_a_gap_and_each_is_bounded(pods: int) -> None:
    found = pieces(NOW, pods)
    for newer, older in pairwise(found):
        assert older.end == newer.start - newer.step
    assert found[0].end <= NOW
    assert NOW - found[-1].start >= (DAYS - 1) * DAY_SECONDS
    for piece in found:
        ticks = round((piece.end - piece.start) / piece.step) + 1
        assert ticks * pods <= max(MAXIMUM_SAMPLES, pods)


def workload(kind: str, name: str, namespace: str = "shop") -> Workload:
    return Workload("v1", kind, namespace, name, f"uid-{kind}-{name}")


KNOWN = [
    workload("Deployment", "web"),
    workload("Deployment", "web-api"),
    workload("StatefulSet", "db"),
    workload("DaemonSet", "agent"),
    workload("Pod", "debug"),
]


@pytest.mark.parametrize(
    ("pod", "owner"),
    [
        pytest.param("web-7d4b9c6f5-x2x9q", "uid-Deployment-web", id="of-a-deployment"),
        pytest.param("web-api-7d4b9c6f5-x2x9q", "uid-Deployment-web-api", id="whose-name-has-a-hyphen"),
        pytest.param("db-0", "uid-StatefulSet-db", id="of-a-statefulset"),
        pytest.param("agent-zx81k", "uid-DaemonSet-agent", id="of-a-daemonset"),
        pytest.param("debug", "uid-Pod-debug", id="of-nobody"),
        pytest.param("webapi-7d4b9c6f5-x2x9q", None, id="a-namesake-by-its-beginning-only"),
        pytest.param("agent-", None, id="no-such-name"),
    ],
)
def test_a_pod_that_is_gone_belongs_to_the_workload_it_is_named_after(pod: str, owner: str | None) -> None:
    assert owners([PodKey("shop", pod)], KNOWN) == [owner]


def test_another_namespace_is_another_workload() -> None:
    assert owners([PodKey("prod", "db-0")], KNOWN) == [None]


def matrix(values: dict[str, list[float]]) -> Matrix:
    times: Floats = np.array([NOW, NOW + 300.0], np.float64)
    rows: Floats = np.array([*values.values()], np.float64)
    return Matrix("prometheus", QUERY, [labels(name) for name in values], times, rows)


def test_answers_in_different_orders_and_with_different_pods_are_laid_over_each_other() -> None:
    answers = {
        Feature.CPU: matrix({"a": [1.0, 2.0], "b": [3.0, 4.0]}),
        Feature.MEMORY: matrix({"c": [5.0, 6.0], "a": [7.0, np.nan]}),
    }
    pods, values = joined(answers, MODEL_FEATURES[:2])
    by_name = {pod.name: values[:, index] for index, pod in enumerate(pods)}
    np.testing.assert_array_equal(by_name["a"], [[1.0, 7.0], [2.0, np.nan]])
    np.testing.assert_array_equal(by_name["b"], [[3.0, np.nan], [4.0, np.nan]])
    np.testing.assert_array_equal(by_name["c"], [[np.nan, 5.0], [np.nan, 6.0]])


def test_the_past_ends_where_the_source_remembers_nothing() -> None:
    past = Past(NOW, pods=10)
    past.filled(samples=100)
    assert past.seconds == DAY_SECONDS
    past.filled(samples=0)
    assert past.next(NOW) is None
    assert past.seconds == DAY_SECONDS


def answered(status: int) -> BadAnswer:
    return BadAnswer("prometheus", QUERY, f"{status}", "-", status=status)


def named(error: Exception) -> str:
    return f"{type(error).__name__}-{getattr(error, 'status', '')}"


REFUSALS = [
    answered(200),
    answered(400),
    answered(422),
    Unaskable("-"),
    WrongLabels("p", QUERY, "{}", ("pod",)),
]
PASSING = [
    answered(429),
    answered(500),
    answered(503),
    Unreachable("prometheus", QUERY, "no answer", "-"),
    PartialAnswer("prometheus", QUERY, ("store-1 is away",)),
    CredentialsMissing("-"),
    Unavailable(503, "ServiceUnavailable", "away"),
]


@pytest.mark.parametrize("error", REFUSALS, ids=named)
def test_a_source_that_refuses_is_asked_again_and_then_left_alone(error: Exception) -> None:
    past = Past(NOW, pods=10)
    first = past.next(NOW)
    for _ in range(ATTEMPTS - 1):
        past.failed(error, NOW)
    assert past.next(NOW) == first
    past.failed(error, NOW)
    assert past.next(NOW + DAY_SECONDS) is None


@pytest.mark.parametrize("error", PASSING, ids=named)
def test_a_source_that_is_away_is_waited_for_and_spared(error: Exception) -> None:
    past = Past(NOW, pods=10)
    first = past.next(NOW)
    at = NOW
    for _ in range(10 * ATTEMPTS):
        past.failed(error, at)
        assert past.next(at + PAUSE_SECONDS - 1.0) is None
        at += PAUSE_SECONDS
        assert past.next(at) == first
    past.filled(samples=1)
    assert past.next(at) not in (None, first)


def test_one_answer_forgives_the_failures_before_it() -> None:
    past = Past(NOW, pods=10)
    for _ in range(3):
        for _ in range(ATTEMPTS - 1):
            past.failed(answered(422), NOW)
        past.filled(samples=1)
    assert past.next(NOW) is not None
