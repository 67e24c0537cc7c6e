"""Answers as Prometheus, Thanos and worse write them."""

import json
import tracemalloc
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from podvigil.api.pods import PodKey
from podvigil.api.reasons import Reason
from podvigil.collect.columns import decode_column, decode_matrix, parse_key
from podvigil.collect.errors import PartialAnswer, WrongLabels


def vector(*points: tuple[dict[str, str], str], **more: Any) -> bytes:
    result = [{"metric": labels, "value": [1_000.5, value]} for labels, value in points]
    return json.dumps(
        {"status": "success", "data": {"resultType": "vector", "result": result}, **more}
    ).encode()


def matrix(*series: tuple[dict[str, str], list[tuple[float, str]]]) -> bytes:
    result = [{"metric": labels, "values": values} for labels, values in series]
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}}).encode()


WEB = {"namespace": "shop", "pod": "web-1"}


def test_a_vector_is_a_column() -> None:
    column = decode_column("p", "q", vector((WEB, "1.5"), ({**WEB, "pod": "web-2"}, "-2e3")))
    assert column.values.tolist() == [1.5, -2000.0]
    assert [parse_key(key) for key in column.keys] == [PodKey("shop", "web-1"), PodKey("shop", "web-2")]
    assert column.whole() is column


@pytest.mark.parametrize("said", ["NaN", "+Inf", "-Inf"])
def test_what_is_no_number_is_missing(said: str) -> None:
    assert np.isnan(decode_column("p", "q", vector((WEB, said))).values).all()


def test_an_empty_answer_is_an_empty_column() -> None:
    column = decode_column("p", "q", vector())
    assert (column.keys, column.values.shape) == ([], (0,))


def test_a_partial_answer_says_so() -> None:
    column = decode_column(
        "http://thanos", "up", vector((WEB, "1"), warnings=["store-1: connection refused"])
    )
    with pytest.raises(
        PartialAnswer, match=r"http://thanos was asked 'up': .*store-1: connection refused"
    ) as caught:
        column.whole()
    assert caught.value.reason is Reason.SOURCE_PARTIAL


def test_remarks_on_the_query_are_no_missing_data() -> None:
    body = vector(
        (WEB, "1"), warnings=["PromQL warning: mixed histograms"], infos=["PromQL info: no counter"]
    )
    assert decode_column("p", "q", body).whole().warnings == ()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"status":"success"}',
        b'{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}',
        b'{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"histogram":[1,{}]}]}}',
        vector((WEB, "many")),
        matrix((WEB, [(0, "1")])),
        vector((WEB, "1"))[:-9],
    ],
    ids=["empty", "page", "list", "no-data", "scalar", "histogram", "no-number", "matrix", "cut-short"],
)
def test_what_is_no_vector_raises(body: bytes) -> None:
    with pytest.raises((msgspec.DecodeError, ValueError)):
        decode_column("p", "q", body)


@pytest.mark.parametrize(
    ("labels", "missing"),
    [
        ({}, ("namespace", "pod")),
        ({"namespace": "shop"}, ("pod",)),
        ({"pod": "web-1"}, ("namespace",)),
        ({"namespace": "", "pod": "web-1"}, ("namespace",)),
        ({"exported_namespace": "shop", "exported_pod": "web-1"}, ("namespace", "pod")),
    ],
)
def test_a_series_that_names_no_pod_is_refused(labels: dict[str, str], missing: tuple[str, ...]) -> None:
    with pytest.raises(WrongLabels, match="by \\(namespace, pod\\)") as caught:
        parse_key(json.dumps(labels).encode(), "p", "q")
    assert caught.value.missing == missing


def test_ranges_lie_on_the_grid_with_their_gaps() -> None:
    times = np.array([100.0, 110.0, 120.0, 130.0])
    body = matrix((WEB, [(100, "1"), (120.0, "3"), (130, "NaN")]), ({"pod": "b"}, [(110, "7"), (500, "9")]))
    got = decode_matrix("p", "q", body, times)
    np.testing.assert_array_equal(got.values, [[1, np.nan, 3, np.nan], [np.nan, 7, np.nan, np.nan]])


def test_a_range_is_read_series_by_series() -> None:
    times = np.arange(200.0)
    samples = [(time, repr(time / 7)) for time in times.tolist()]
    body = matrix(*[({**WEB, "pod": f"p{number}"}, samples) for number in range(100)])
    tracemalloc.start()
    values = decode_matrix("p", "q", body, times).values
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert values.shape == (100, 200)
    assert peak < 3 * values.nbytes, "all samples as objects would be 25 times the numbers"


def test_a_range_of_one_point() -> None:
    assert decode_matrix("p", "q", matrix((WEB, [(100, "1")])), np.array([100.0])).values.tolist() == [[1.0]]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=20))
def test_every_number_comes_back_exactly(values: list[float]) -> None:
    points = [({**WEB, "pod": f"p{number}"}, repr(value)) for number, value in enumerate(values)]
    assert decode_column("p", "q", vector(*points)).values.tolist() == values


@given(st.binary(max_size=60))
def test_no_bytes_are_taken_for_a_pod(raw: bytes) -> None:
    with pytest.raises(WrongLabels):
        parse_key(raw)
