"""The source against a real HTTP server on loopback."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from faults.loopback import Asked, Loopback, Reply
from podvigil.api.reasons import Reason
from podvigil.collect.errors import BadAnswer, Unreachable
from podvigil.collect.prometheus import BearerFile, BearerToken, PrometheusSource

EMPTY = {"status": "success", "data": {"resultType": "vector", "result": []}}


@contextmanager
def source(answer: Callable[[Asked], Reply]) -> Iterator[tuple[PrometheusSource, list[Asked]]]:
    with Loopback(answer) as server:
        one = PrometheusSource(server.url + "/", timeout_seconds=5.0)
        yield one, server.asked
        one.close()


def test_an_instant_query_is_asked_at_its_time() -> None:
    with source(lambda _: Reply(EMPTY)) as (prometheus, asked):
        prometheus.query('up{a="b"}', 1_000.25)
    [one] = asked
    assert (one.method, one.path) == ("GET", "/api/v1/query")
    assert one.query == {"query": 'up{a="b"}', "time": "1000.250", "timeout": "5s"}
    assert one.headers["accept-encoding"] == "identity"


def test_a_range_query_states_its_grid() -> None:
    answer = {"data": {"resultType": "matrix", "result": [{"metric": {}, "values": [[20, "2"], [40, "4"]]}]}}
    with source(lambda _: Reply(answer)) as (prometheus, asked):
        got = prometheus.query_range("up", 0.0, 50.0, 20.0)
    assert got.times.tolist() == [0.0, 20.0, 40.0]
    np.testing.assert_array_equal(got.values, [[np.nan, 2.0, 4.0]])
    assert (asked[0].query["start"], asked[0].query["end"], asked[0].query["step"]) == (
        "0.000",
        "50.000",
        "20.000",
    )


def test_no_tick_is_lost_to_the_inexactness_of_the_times() -> None:
    nothing = Reply({"data": {"resultType": "matrix", "result": []}})
    start = 1_772_323_170.123
    with source(lambda _: nothing) as (prometheus, _):
        for ticks in range(1, 8):
            assert len(prometheus.query_range("up", start, start + 0.1 * ticks, 0.1).times) == ticks + 1


@pytest.mark.parametrize("span", [(0, 10, 0), (0, 10, -1), (10, 0, 1), (0, 11_000, 1)])
def test_a_range_that_is_none_is_refused(span: tuple[float, float, float]) -> None:
    with source(lambda _: Reply(EMPTY)) as (prometheus, asked), pytest.raises(ValueError, match="no range"):
        prometheus.query_range("up", *span)
    assert asked == []


def test_a_long_query_goes_as_a_form() -> None:
    with source(lambda _: Reply(EMPTY)) as (prometheus, asked):
        prometheus.query("x" * 5_000, 1.0)
    [one] = asked
    assert (one.method, one.query) == ("POST", {})
    assert one.form["query"] == "x" * 5_000


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 429, 500, 502])
def test_an_error_status_is_told_with_its_text_and_a_way_out(status: int) -> None:
    said = {"status": "error", "errorType": "bad_data", "error": "1:3: parse error"}
    with source(lambda _: Reply(said, status)) as (prometheus, asked), pytest.raises(BadAnswer) as caught:
        prometheus.query("sum(", 1.0)
    assert len(asked) == 1
    assert caught.value.status == status
    assert caught.value.reason is Reason.SOURCE_REFUSED
    assert "'sum('" in str(caught.value)
    assert "bad_data: 1:3: parse error" in str(caught.value)


def test_a_starting_server_is_asked_again() -> None:
    replies = iter([Reply(b"Service Unavailable", 503), Reply(b"Service Unavailable", 503), Reply(EMPTY)])
    with source(lambda _: next(replies)) as (prometheus, asked):
        assert prometheus.query("up", 1.0).keys == []
    assert len(asked) == 3


def test_a_down_server_is_asked_a_bounded_number_of_times() -> None:
    with source(lambda _: Reply(b"", 503)) as (prometheus, asked), pytest.raises(BadAnswer, match="503"):
        prometheus.query("up", 1.0)
    assert len(asked) == 3


def test_a_query_that_took_too_long_is_not_asked_again() -> None:
    said = {"status": "error", "errorType": "timeout", "error": "query timed out in expression evaluation"}
    with (
        source(lambda _: Reply(said, 503)) as (prometheus, asked),
        pytest.raises(BadAnswer, match="timed out"),
    ):
        prometheus.query("up", 1.0)
    assert len(asked) == 1


def test_a_login_page_is_not_followed() -> None:
    page = Reply(b"", 302, {"Location": "https://login.example/"})
    with (
        source(lambda _: page) as (prometheus, _),
        pytest.raises(BadAnswer, match=r"302 to https://login\.example/\. .*credentials"),
    ):
        prometheus.query("up", 1.0)


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"data":{"result":[1]}}'])
def test_a_page_instead_of_an_answer_is_told(body: bytes) -> None:
    with source(lambda _: Reply(body)) as (prometheus, _), pytest.raises(BadAnswer, match="not the answer"):
        prometheus.query("up", 1.0)


def test_nobody_there_is_unreachable_and_no_password_is_shown() -> None:
    with Loopback(lambda _: Reply(EMPTY)) as server:
        url = server.url
    prometheus = PrometheusSource(url.replace("://", "://user:hunter2@"), timeout_seconds=2.0)
    with pytest.raises(Unreachable, match="Connection refused") as caught:
        prometheus.query("up", 1.0)
    assert "hunter2" not in str(caught.value)
    assert caught.value.reason is Reason.SOURCE_UNREACHABLE


def test_a_body_cut_short_is_unreachable() -> None:
    cut = Reply(b'{"data":', headers={"Content-Length": "500", "Connection": "close"})
    with Loopback(lambda _: cut) as server:
        prometheus = PrometheusSource(server.url, timeout_seconds=0.5)
        with pytest.raises(Unreachable):
            prometheus.query("up", 1.0)


def test_a_rotated_token_is_read_anew(tmp_path: Path) -> None:
    token = tmp_path / "token"
    with Loopback(lambda _: Reply(EMPTY)) as server:
        prometheus = PrometheusSource(server.url, auth=BearerFile(token))
        for content in ("one\n", "two\n"):
            token.write_text(content)
            prometheus.query("up", 1.0)
        assert [asked.headers["authorization"] for asked in server.asked] == ["Bearer one", "Bearer two"]
        token.unlink()
        with pytest.raises(Unreachable, match="token"):
            prometheus.query("up", 1.0)


def test_credentials_and_headers_are_sent() -> None:
    with Loopback(lambda _: Reply(EMPTY)) as server:
        PrometheusSource(server.url, auth=BearerToken("t")).query("up", 1.0)
        PrometheusSource(server.url, auth=("a", "b"), headers={"X-Scope-OrgID": "shop"}).query("up", 1.0)
        bearer, basic = server.asked
    assert bearer.headers["authorization"] == "Bearer t"
    assert basic.headers["authorization"] == "Basic YTpi"
    assert basic.headers["x-scope-orgid"] == "shop"


@pytest.mark.parametrize("url", ["", "prometheus:9090", "ftp://a", "http://", "file:///etc/passwd"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="is no source"):
        PrometheusSource(url)
