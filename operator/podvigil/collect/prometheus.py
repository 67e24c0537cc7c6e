"""Prometheus, or what speaks like it (Thanos, Mimir, VictoriaMetrics): PromQL in, columns out.

Blocking; called from a bounded executor. The connection is prometheus-api-client's; the answers are
read here, because that client drops the `warnings` that tell partial data and builds a Python object
per sample.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
import numpy as np
import requests
from prometheus_api_client import PrometheusConnect
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from podvigil.collect.columns import Column, Floats, Matrix, decode_column, decode_matrix
from podvigil.collect.errors import BadAnswer, SourceError, Unreachable

ATTEMPTS: Final = 3
"""In all, and only while there is time left: a refused connection or a 503 of a restarting server."""

CONNECT_SECONDS: Final = 3.0
MAX_ANSWER_BYTES: Final = 256 * 2**20
"""150,000 series of one vector are 19 MB; more than this is a query without an aggregation."""

MAX_POINTS: Final = 11_000
"""Per series of a range: Prometheus' own limit."""

_HALF_A_MILLISECOND: Final = 0.0005  # times are asked in milliseconds; Unix seconds as float64 are less exact
_POST_CHARACTERS: Final = 4_000  # proxies bound a URL at 8 kB; a query longer than this goes as a form
_CHUNK_BYTES: Final = 2**18
_POOL: Final = 8  # connections kept: one per feature's query


class BearerFile(AuthBase):
    """A bearer token in a file, read for every request: bound tokens rotate."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the header."""
        request.headers["Authorization"] = f"Bearer {self._path.read_text(encoding='utf-8').strip()}"
        return request


class BearerToken(AuthBase):
    """A bearer token that stays."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the header."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class PrometheusSource:
    """One source. Thread-safe for queries; `close` when done."""

    def __init__(
        self,
        url: str,
        *,
        auth: AuthBase | tuple[str, str] | None = None,
        ca_file: Path | None = None,
        verify: bool = True,
        timeout_seconds: float = 10.0,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`auth`: a requests auth, or (user, password). `timeout_seconds`: of one query, tries included.

        Raises: ValueError when `url` is not an http(s) address.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is no source: write http://HOST:PORT or https://HOST:PORT[/PREFIX]")
        self._timeout_seconds = timeout_seconds
        self._session = requests.Session()
        # Said with each request: the library sets the session's own, and the environment would go before it.
        self._verify = str(ca_file) if ca_file and verify else verify
        self._connection = PrometheusConnect(
            url=url.rstrip("/"),
            # In a cluster the network is faster than gzip: 0.09 CPU-seconds less per 19 MB.
            headers={"Accept-Encoding": "identity", **(headers or {})},
            auth=auth,
            session=self._session,
            timeout=timeout_seconds,
        )
        # Its constructor mounts an adapter with ten retries' worth of waiting; ours comes after it.
        self._session.mount(self._connection.url, HTTPAdapter(pool_connections=1, pool_maxsize=_POOL))
        # For messages: without a user and password that may stand in the address.
        self._name = (
            f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "") + parts.path
        )

    @property
    def name(self) -> str:
        """Its address as it may be shown, without credentials."""
        return self._name

    def query(self, promql: str, at: float) -> Column:
        """Evaluate an instant query at Unix second `at`. Raises: Unreachable, BadAnswer."""
        body = self._ask("query", promql, {"time": f"{at:.3f}"})
        try:
            return decode_column(self._name, promql, body)
        except (msgspec.DecodeError, ValueError) as error:
            raise self._unreadable(promql, error) from error

    def query_range(self, promql: str, start: float, end: float, step: float) -> Matrix:
        """Evaluate a query at start, start + step, … ≤ end (Unix seconds). Raises: Unreachable, BadAnswer.

        Raises: ValueError when the range is empty or holds more than MAX_POINTS.
        """
        if step <= 0 or start > end or (end - start) / step >= MAX_POINTS:
            raise ValueError(f"no range: {start} to {end} by {step} (at most {MAX_POINTS} points)")
        count = int((end - start + _HALF_A_MILLISECOND) / step) + 1
        times: Floats = start + step * np.arange(count, dtype=np.float64)
        asked = {"start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step:.3f}"}
        body = self._ask("query_range", promql, asked)
        try:
            return decode_matrix(self._name, promql, body, times)
        except (msgspec.DecodeError, ValueError) as error:
            raise self._unreadable(promql, error) from error

    def close(self) -> None:
        """Let go of the connections."""
        self._connection.close()

    def _ask(self, endpoint: str, promql: str, parameters: Mapping[str, str]) -> bytes:
        deadline = time.monotonic() + self._timeout_seconds
        retrying = Retrying(
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_random_exponential(multiplier=0.1, max=1.0),
            # One second of waiting must leave time for an answer.
            retry=retry_if_exception(lambda error: _is_passing(error) and time.monotonic() + 1.0 < deadline),
            reraise=True,
        )
        return retrying(self._ask_once, endpoint, promql, parameters, deadline)

    def _ask_once(self, endpoint: str, promql: str, parameters: Mapping[str, str], deadline: float) -> bytes:
        left = max(deadline - time.monotonic(), 0.05)
        # The source gives up when we do, instead of working on for nobody.
        asked = {"query": promql, **parameters, "timeout": f"{max(left, 1.0):.0f}s"}
        as_form = len(promql) > _POST_CHARACTERS
        try:
            with self._session.request(
                "POST" if as_form else "GET",
                f"{self._connection.url}/api/v1/{endpoint}",
                params=None if as_form else asked,
                data=asked if as_form else None,
                headers=self._connection.headers,
                auth=self._connection.auth,
                timeout=(min(CONNECT_SECONDS, left), left),
                verify=self._verify,
                allow_redirects=False,
                stream=True,
            ) as response:
                body = self._read(response, promql, deadline)
                if response.status_code != requests.codes.ok:
                    raise self._refusal(response, body, promql)
                return body
        except (requests.RequestException, OSError) as error:
            # OSError: a token file or CA bundle that is not there.
            raise Unreachable(
                self._name, promql, f"no answer ({_innermost(error)})", _HOW_TO_REACH
            ) from error

    def _read(self, response: requests.Response, promql: str, deadline: float) -> bytes:
        chunks: list[bytes] = []
        size = 0
        for chunk in response.iter_content(_CHUNK_BYTES):
            chunks.append(chunk)
            size += len(chunk)
            if size > MAX_ANSWER_BYTES:
                raise BadAnswer(
                    self._name,
                    promql,
                    f"more than {MAX_ANSWER_BYTES} bytes came back",
                    "Aggregate the query, or select fewer namespaces",
                    status=response.status_code,
                )
            if time.monotonic() > deadline:
                came = f"the answer did not end in {self._timeout_seconds:g} s"
                raise Unreachable(self._name, promql, came, _HOW_TO_REACH)
        return b"".join(chunks)

    def _refusal(self, response: requests.Response, body: bytes, promql: str) -> BadAnswer:
        status = response.status_code
        came = f"{status} {response.reason}: {_error_text(body)}"
        mend = _HOW_TO_MEND.get(status, "Look at the source's own log")
        if 300 <= status < 400:
            came = f"{status} to {response.headers.get('Location', 'nowhere')}"
            mend = "Write the address it points to; if that is a login page, give credentials"
        return BadAnswer(self._name, promql, came, mend, status=status)

    def _unreadable(self, promql: str, error: Exception) -> BadAnswer:
        return BadAnswer(
            self._name,
            promql,
            f"200 with a body that is not the answer to a query ({error})",
            "Check that the address is the source's root, and that the query gives one number per series",
            status=200,
        )


_HOW_TO_REACH: Final = "Check the address, the network policy and that the source is up"
_HOW_TO_MEND: Final = {
    400: "Correct the query",
    401: "Give credentials, or newer ones",
    403: "Give these credentials the right to query",
    404: "Check the address: its /api/v1/query must exist",
    422: "The source cannot evaluate the query; try it there",
    429: "The source limits queries: raise its limit or the interval",
    503: "The source is starting, overloaded, or gave up on the query; raise the interval or select less",
}


def _is_passing(error: BaseException) -> bool:
    """Whether another try may help: nobody there, or a server that starts. A query that took too long is not."""
    if isinstance(error, BadAnswer):
        return error.status == 503 and "timeout" not in error.came_back
    return isinstance(error, SourceError) and isinstance(
        error.__cause__, requests.ConnectionError | requests.exceptions.ChunkedEncodingError
    )


def _error_text(body: bytes) -> str:
    try:
        said = msgspec.json.decode(body)
    except msgspec.DecodeError:
        said = None
    if isinstance(said, dict) and said.get("error"):
        return f"{said.get('errorType', 'error')}: {said['error']}"[:500]
    return body[:200].decode("utf-8", "replace").strip() or "no body"


def _innermost(error: BaseException) -> str:
    """What really happened, out of the layers that requests and urllib3 wrap around it."""
    inner: Any = error
    for _ in range(5):
        deeper = getattr(inner, "reason", None)
        if not isinstance(deeper, BaseException):
            deeper = next(
                (part for part in getattr(inner, "args", ()) if isinstance(part, BaseException)), None
            )
        if deeper is None:
            break
        inner = deeper
    return f"{type(error).__name__}: {str(inner).rpartition('>: ')[2]}"[:300]
