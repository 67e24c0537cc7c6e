"""A range in parts is the range; and what a Secret holds is a token or a told trouble."""

import base64
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from podvigil.api.features import MODEL_FEATURES, Feature
from podvigil.api.monitor import MonitorSpec
from podvigil.api.reasons import Reason
from podvigil.collect.columns import Floats, Matrix
from podvigil.collect.errors import PartialAnswer
from podvigil.collect.prometheus import PrometheusSource
from podvigil.controllers.monitor.sources import CredentialsMissing, Source, open_source
from unit.controllers.monitor.pods import labels

NOW = datetime(2026, 3, 1, microsecond=123_456, tzinfo=UTC)
SPEC = MonitorSpec.model_validate({"namespaces": ["shop"]})
NAMES = ("late", "web-1", "web-2", "web-3")
BORN = NOW.timestamp() - 1800.0
"""Before it the source has nothing of the pod `late`."""


class Ranges(PrometheusSource):
    """A source that answers ranges by itself, every sample the second it is of, and remembers what it was asked."""

    def __init__(self, warnings: tuple[str, ...] = ()) -> None:
        super().__init__("http://127.0.0.1:9")
        self.asked: list[int] = []
        self._warnings = warnings

    def query_range(self, promql: str, start: float, end: float, step: float) -> Matrix:
        times: Floats = start + step * np.arange(round((end - start) / step) + 1, dtype=np.float64)
        names = [name for name in NAMES if name != "late" or times[-1] >= BORN]
        values = np.tile(times, (len(names), 1))
        if "late" in names:
            values[0, times < BORN] = np.nan
        self.asked.append(values.size)
        return Matrix(self.name, promql, [labels(name) for name in names], times, values, self._warnings)


def by_pod(matrix: Matrix) -> dict[bytes, list[float]]:
    return dict(zip(matrix.keys, np.nan_to_num(matrix.values, nan=-1.0).tolist(), strict=True))


@pytest.mark.parametrize("pods", [len(NAMES), 1], ids=["as-many-as-thought", "more-than-thought"])
async def test_a_long_range_is_asked_in_parts_and_is_the_same(pods: int) -> None:
    whole = await Source(Ranges(), SPEC).history(("shop",), NOW, pods=pods)
    prometheus, few = Ranges(), 100 * pods // len(NAMES)
    parts = await Source(prometheus, SPEC, samples_at_once=few).history(("shop",), NOW, pods=pods)
    assert max(prometheus.asked) <= 100
    assert len(prometheus.asked) > 10 * len(MODEL_FEATURES)
    for feature in MODEL_FEATURES:
        assert by_pod(parts[feature]) == by_pod(whole[feature])
        np.testing.assert_array_equal(parts[feature].times, whole[feature].times)


async def test_a_past_of_volumes_is_asked_in_parts_too() -> None:
    prometheus = Ranges()
    past = await Source(prometheus, SPEC, samples_at_once=100).volumes_past(
        ("shop",), NOW, seconds=36_000.0, step=120.0, claims=len(NAMES)
    )
    assert max(prometheus.asked) <= 100
    assert past.values.shape == (len(NAMES), 301)


async def test_one_incomplete_part_makes_no_past() -> None:
    with pytest.raises(PartialAnswer, match="store-1"):
        await Source(Ranges(warnings=("store-1 is away",)), SPEC).between(
            ("shop",), (Feature.CPU,), 0.0, 300.0, 30.0, pods=4
        )


class Secrets:
    """A cluster with one Secret."""

    def __init__(self, token: bytes) -> None:
        self._secret = {"data": {"token": base64.b64encode(token).decode()}}

    async def find(self, *_: object) -> dict[str, Any]:
        return self._secret


def opened(token: bytes) -> Any:
    spec = MonitorSpec.model_validate(
        {
            "namespaces": ["shop"],
            "sources": {
                "prometheus": {"url": "http://127.0.0.1:9", "bearerToken": {"name": "t", "key": "token"}}
            },
        }
    )
    cluster: Any = Secrets(token)
    return open_source(spec, cluster, default_url=None, ca_file=None, namespace="podvigil")


@pytest.mark.parametrize("token", [b"abc\ndef", b"abc\r\nX: y", b"abc def", b"abc\x00", b" \n", b"\xff"])
async def test_what_no_header_can_carry_is_no_token(token: bytes) -> None:
    with pytest.raises(CredentialsMissing, match="Secret podvigil/t key token holds no token") as caught:
        await opened(token)
    assert caught.value.reason is Reason.SECRET_MISSING
    assert "abc" not in str(caught.value), "a token is never told"


async def test_a_token_may_end_in_a_line_break() -> None:
    (await opened(b"eyJh.b-c_d~e+f/g==\n")).close()
