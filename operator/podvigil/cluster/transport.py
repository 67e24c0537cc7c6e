"""One blocking call to the API server: bounded in time and size, its failures turned into ours.

It uses the kubernetes client's credentials, TLS and connection pool, but not its models: a typed
list of 10,000 pods costs 11 CPU-seconds, the raw bytes 0.1. Only `Cluster` calls it.
"""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

import urllib3
from kubernetes import client
from kubernetes.config.config_exception import ConfigException

from podvigil.cluster.errors import ClusterError, Unavailable, error_of

JSON: Final = "application/json"

MAX_ANSWER_BYTES: Final = 256 * 2**20
"""A page of 500 objects of the largest size etcd takes (1.5 MiB) would be 750 MiB; real pages are 1-5 MiB."""

CREDENTIALS_SECONDS: Final = 10.0
"""How long credentials are used before the client is asked again, one thread at a time: for each answer it writes its
whole configuration anew and walks the environment, and it re-reads a token file once a minute at most."""

_CHUNK_BYTES: Final = 2**18


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeOuts:
    """How long a call may take, in seconds."""

    connect: float = 3.0
    """To reach the server: the three-second SYN retry of TCP plus nothing."""
    read: float = 10.0
    """Without a byte. The server itself ends a call after 60 s; a pod of ours must stop in 5."""
    total: float = 60.0
    """Of the whole answer: a server that drips bytes does not hold a thread for ever."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer, undecoded."""

    status: int
    body: bytes
    call: str
    """What was asked, for an error about the body."""


class Transport:
    """Makes calls with one kubernetes `ApiClient`. Thread-safe, as its connection pool is."""

    def __init__(self, api_client: client.ApiClient, time_outs: TimeOuts, user_agent: str) -> None:
        self._client = api_client
        self._time_outs = time_outs
        self._user_agent = user_agent
        self._asking = threading.Lock()
        self._asked: dict[str, str] = {}
        self._ask_at = 0.0

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        content_type: str = JSON,
        accept: str = JSON,
    ) -> Answer:
        """Call once, without a retry: whether to try again is the caller's to judge.

        Raises: ClusterError, by status; Unavailable with status 0 when there is no whole answer.
        """
        call = f"{method} {path}"
        headers = {"Accept": accept, "User-Agent": self._user_agent, **self._credentials(call)}
        if body is not None:
            headers["Content-Type"] = content_type
        url = self._client.configuration.host + path + (f"?{urlencode(query)}" if query else "")
        deadline = time.monotonic() + self._time_outs.total
        try:
            response = self._client.rest_client.pool_manager.request(
                method,
                url,
                body=body,
                headers=headers,
                retries=False,
                redirect=False,
                preload_content=False,
                timeout=urllib3.Timeout(connect=self._time_outs.connect, read=self._time_outs.read),
            )
            content = _read(response, deadline, call)
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable(0, type(error).__name__, str(error), call=call) from error
        if response.status == HTTPStatus.UNAUTHORIZED:
            self._ask_at = 0.0
        if response.status >= 300:
            raise error_of(response.status, content, response.headers.get("Retry-After"), call)
        return Answer(response.status, content, call)

    def _credentials(self, call: str) -> dict[str, str]:
        with self._asking:
            if time.monotonic() >= self._ask_at:
                self._asked = self._ask(call)
                self._ask_at = time.monotonic() + CREDENTIALS_SECONDS
            return self._asked

    def _ask(self, call: str) -> dict[str, str]:
        try:
            # Asking for them re-reads a token file that is due (client.Configuration.refresh_api_key_hook).
            settings = self._client.configuration.auth_settings()
        except (ConfigException, OSError) as error:
            raise Unavailable(0, "BadCredentials", str(error), call=call) from error
        return {
            str(setting["key"]): str(setting["value"])
            for setting in settings.values()
            if setting["in"] == "header" and setting["value"]
        }


def _read(response: Any, deadline: float, call: str) -> bytes:
    """The whole body; on trouble the connection is thrown away, since the rest would still come."""
    chunks: list[bytes] = []
    size = 0
    try:
        for chunk in response.stream(_CHUNK_BYTES):
            chunks.append(chunk)
            size += len(chunk)
            if size > MAX_ANSWER_BYTES:
                raise ClusterError(
                    response.status, "AnswerTooLarge", f"more than {MAX_ANSWER_BYTES} bytes", call=call
                )
            if time.monotonic() > deadline:
                raise Unavailable(0, "TimedOut", "the answer did not end in time", call=call)
    except (ClusterError, urllib3.exceptions.HTTPError):
        response.close()
        raise
    response.release_conn()
    return b"".join(chunks)
