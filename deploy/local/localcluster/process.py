"""Start a program with its log in a file, wait until it is ready, end it by its id.

Every program started here dies with us, even if we are killed (see `leash`).
"""

import contextlib
import os
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from localcluster.errors import ProcessError

Probe = Callable[[], bool]
"""Says whether the program does its work yet; called until true."""

LEASH: Final = Path(__file__).with_name("leash.py")
POLL_SECONDS: Final = 0.05
LOG_TAIL_LINES: Final = 25
PROBE_TIMEOUT_SECONDS: Final = 2.0

# The kernel ties a child to the *thread* that started it. One thread that lives as long as this process starts
# all of them, so that a caller may use a short-lived thread of its own.
_starter: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="localcluster-starter")


def free_port() -> int:
    """Pick a free TCP port on the loopback address. Another program may still take it before it is used."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


def http_ok(url: str, *, ca_file: Path | None = None, token: str = "") -> Probe:
    """Probe that `url` answers 200."""

    def probe() -> bool:
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})
        try:
            context = ssl.create_default_context(cafile=ca_file) if ca_file else None
            with urllib.request.urlopen(request, timeout=PROBE_TIMEOUT_SECONDS, context=context) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    return probe


def wait_until(
    probe: Probe, what: str, *, deadline_seconds: float, every_seconds: float = POLL_SECONDS
) -> None:
    """Wait for `probe`. Raises: ProcessError when `deadline_seconds` have passed."""
    deadline = time.monotonic() + deadline_seconds
    while True:
        is_late = time.monotonic() > deadline  # asked before: a pause of the machine is not the last look
        if probe():
            return
        if is_late:
            raise ProcessError(f"{what}: not so after {deadline_seconds:.0f} s")
        time.sleep(every_seconds)


@dataclass
class Process:
    """A program of the local cluster. `command[0]` is an absolute path; `log` is appended to."""

    name: str
    command: Sequence[str]
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    _child: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)

    @property
    def pid(self) -> int | None:
        """Id of the running program; None when it does not run."""
        return self._child.pid if self._child and self._child.poll() is None else None

    def start(self, ready: Probe | None = None, *, deadline_seconds: float = 60) -> Self:
        """Start the program and wait until `ready`.

        Raises: ProcessError with the end of the log, when it ends early or is not ready in time.
        """
        if self.pid is not None:
            raise ProcessError(f"{self.name} runs already, as process {self.pid}")
        self._child = _starter.submit(self._spawn).result()
        deadline = time.monotonic() + deadline_seconds
        while ready is not None and not ready():
            if (code := self._child.poll()) is not None:
                raise ProcessError(f"{self.name} ended with {code} before it was ready\n{self.tail()}")
            if time.monotonic() > deadline:
                self.stop()
                raise ProcessError(f"{self.name} was not ready after {deadline_seconds:.0f} s\n{self.tail()}")
            time.sleep(POLL_SECONDS)
        return self

    def stop(self, *, grace_seconds: float = 5) -> int | None:
        """End the program: SIGTERM, and SIGKILL after `grace_seconds`. Returns its exit status."""
        if (child := self._child) is None:
            return None
        if child.poll() is None:
            child.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(grace_seconds)
        if child.poll() is None:
            child.kill()
        self._child = None
        return child.wait()

    def tail(self) -> str:
        """Show the command and the end of the log, for an error message."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        shown = "\n".join(f"  | {line[:400]}" for line in lines[-LOG_TAIL_LINES:])
        return f"  $ {' '.join(self.command)}\n  log: {self.log}\n{shown or '  | (empty)'}"

    def _spawn(self) -> subprocess.Popen[bytes]:
        leash = [sys.executable, "-I", "-S", str(LEASH), str(os.getpid())]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [*leash, *self.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.env},
                start_new_session=True,  # Ctrl-C goes to us alone; we end the others in the right order
            )
