"""A loopback proxy in front of a real Prometheus or API server that fails on demand.

    with FaultProxy("https://127.0.0.1:6443", ca_file=ca) as proxy:
        proxy.add(Rule(Status(503, retry_after=1), method="PATCH", path="/scale", times=2))
        ...                                     # talk to proxy.url, plain HTTP
        assert [call.status for call in proxy.calls] == [503, 503, 200]

It runs a loop of its own in a thread, so that sync and async tests use it alike. Streams (watches)
pass through as they come. The first rule that matches and is not used up decides; without one, the
call passes. `calls` logs all of them, in the order in which they were answered.
"""

import asyncio
import contextlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self
from urllib.parse import unquote_plus

import aiohttp
from aiohttp import web
from yarl import URL

_HOP: Final = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "content-length", "host", "te", "upgrade"}
)
_RST: Final = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 seconds: closing sends a reset
_READY_SECONDS: Final = 60.0
_MEET_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Status:
    """Answer with this code, without asking upstream; `body` a text, or a value to send as JSON."""

    code: int
    body: Any = ""
    retry_after: int | None = None


@dataclass(frozen=True)
class Delay:
    """Ask upstream only after this long."""

    seconds: float


@dataclass(frozen=True)
class Meet:
    """Ask upstream when as many calls wait as the barrier wants, here and at other proxies; or after a while."""

    barrier: threading.Barrier


@dataclass(frozen=True)
class Reset:
    """Reset the connection; with `after_upstream` upstream does the call first, and only the answer is lost."""

    after_upstream: bool = False


@dataclass(frozen=True)
class Drop:
    """Never answer: hold the connection until the client gives up or the proxy stops."""

    after_upstream: bool = False
    """Whether upstream does the call first."""
    told: Callable[[], None] | None = None
    """Called when the client begins to wait in vain; on the proxy's own loop, so it must not block."""


@dataclass(frozen=True)
class Truncate:
    """Announce the whole body, send `keep` bytes of it, and close."""

    keep: int


@dataclass(frozen=True)
class AlterJson:
    """Send on what `change` makes of the upstream's JSON body."""

    change: Callable[[Any], Any]


Fault = Status | Delay | Meet | Reset | Drop | Truncate | AlterJson


class Asked(NamedTuple):
    """One call as the client makes it."""

    method: str
    path: str
    """With its query, unquoted."""
    body: bytes


@dataclass
class Rule:
    """When to do what."""

    fault: Fault
    method: str | None = None
    path: str = ""
    """Any call whose path and query, unquoted, hold this text."""
    times: int | None = None
    """How often; None: always."""

    def takes(self, method: str, path: str) -> bool:
        """Whether the rule is for this call; counts it if so."""
        if self.times == 0 or self.method not in (None, method) or self.path not in path:
            return False
        if self.times is not None:
            self.times -= 1
        return True

    def fault_for(self, asked: Asked) -> Fault | None:
        """The fault for this call; for rules that look into the body, or have more than one fault."""
        return self.fault if self.takes(asked.method, asked.path) else None


class Call(NamedTuple):
    """One call as the client saw it answered; status 0: not answered."""

    method: str
    path: str
    status: int


@dataclass
class FaultProxy:
    """Proxies `upstream`; a context manager."""

    upstream: str
    ca_file: Path | None = None
    """None with https: the upstream's certificate is not checked."""
    calls: list[Call] = field(default_factory=list)
    _rules: list[Rule] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)
        self._thread.start()
        self._on_loop(self._start())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._on_loop(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_READY_SECONDS)
        self._loop.close()

    @property
    def url(self) -> str:
        """Where the proxy listens; plain HTTP."""
        return f"http://127.0.0.1:{self._port}"

    def add(self, rule: Rule) -> Rule:
        """Add a rule after the others; returned, so that it can be removed."""
        self._rules.append(rule)
        return rule

    def clear(self) -> None:
        """Remove all rules and forget all calls."""
        self._rules.clear()
        self.calls.clear()

    def kubeconfig(self, path: Path, token: str) -> Path:
        """Write a kubeconfig that leads through the proxy as the holder of `token`."""
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "proxy",
            "clusters": [{"name": "proxy", "cluster": {"server": self.url}}],
            "users": [{"name": "proxy", "user": {"token": token}}],
            "contexts": [{"name": "proxy", "context": {"cluster": "proxy", "user": "proxy"}}],
        }
        path.write_text(json.dumps(config), encoding="utf-8")
        return path

    # -- on the proxy's own loop

    def _on_loop(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(_READY_SECONDS)

    async def _start(self) -> None:
        trust: ssl.SSLContext | bool = False
        if self.ca_file:
            trust = ssl.create_default_context(cafile=str(self.ca_file))
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=trust, limit=0),
            timeout=aiohttp.ClientTimeout(total=None, connect=10),  # a watch has no end
            auto_decompress=False,
        )
        self._stopping = asyncio.Event()
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._port: int = self._runner.addresses[0][1]

    async def _stop(self) -> None:
        self._stopping.set()
        await self._runner.cleanup()
        await self._session.close()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        readable = unquote_plus(request.raw_path)
        asked = Asked(request.method, readable, await request.read())
        answers = (rule.fault_for(asked) for rule in self._rules)
        fault = next((found for found in answers if found is not None), None)
        match fault:
            case Status():
                self._log(request, fault.code)
                return _made_up(fault)
            case Drop(after_upstream=False):
                return await self._hold(request, fault)
            case Reset(after_upstream=False):
                self._log(request, 0)
                return _reset(request)
            case Delay():
                await asyncio.sleep(fault.seconds)
            case Meet():
                await asyncio.to_thread(_meet, fault.barrier)
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP}
        try:
            async with self._session.request(
                request.method,
                URL(self.upstream.rstrip("/") + request.raw_path, encoded=True),
                data=asked.body or None,
                headers=headers,
                allow_redirects=False,
            ) as answer:
                return await self._pass_on(request, answer, fault)
        except aiohttp.ClientError as error:
            # The upstream is down: say so as a gateway does.
            self._log(request, 502)
            return web.Response(status=502, text=f"{type(error).__name__}: {error}")

    async def _pass_on(
        self, request: web.Request, answer: aiohttp.ClientResponse, fault: Fault | None
    ) -> web.StreamResponse:
        headers = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP}
        match fault:
            case Drop():
                await answer.read()
                return await self._hold(request, fault)
            case Reset():
                await answer.read()
                self._log(request, 0)
                return _reset(request)
            case AlterJson():
                headers.pop("Content-Encoding", None)
                changed = fault.change(json.loads(await answer.read()))
                self._log(request, answer.status)
                return web.Response(status=answer.status, headers=headers, body=json.dumps(changed).encode())
            case Truncate():
                whole = await answer.read()
                response = web.StreamResponse(status=answer.status, headers=headers)
                response.content_length = len(whole)
                await response.prepare(request)
                await response.write(whole[: fault.keep])
                self._log(request, answer.status)
                if request.transport is not None:
                    request.transport.close()
                return response
        response = web.StreamResponse(status=answer.status, headers=headers)
        await response.prepare(request)
        self._log(request, answer.status)
        async for chunk in answer.content.iter_any():
            await response.write(chunk)
        await response.write_eof()
        return response

    async def _hold(self, request: web.Request, fault: Drop) -> web.StreamResponse:
        self._log(request, 0)
        if fault.told:
            fault.told()
        await self._stopping.wait()
        return _reset(request)

    def _log(self, request: web.Request, status: int) -> None:
        self.calls.append(Call(request.method, unquote_plus(request.raw_path), status))


def _meet(barrier: threading.Barrier) -> None:
    # Whoever waited in vain goes on; that the barrier is broken is for the test to see.
    with contextlib.suppress(threading.BrokenBarrierError):
        barrier.wait(_MEET_SECONDS)


def _made_up(fault: Status) -> web.Response:
    headers = {"Retry-After": str(fault.retry_after)} if fault.retry_after is not None else {}
    if isinstance(fault.body, str):
        return web.Response(status=fault.code, headers=headers, text=fault.body)
    return web.json_response(fault.body, status=fault.code, headers=headers)


def _reset(request: web.Request) -> web.Response:
    if request.transport is not None:
        sock = request.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST)
        request.transport.abort()
    return web.Response()
