"""What the demo shows: headings, the commands as a person would type them, and what they really answered."""

import shlex
import sys
import textwrap
import time
from collections.abc import Callable
from subprocess import CompletedProcess
from typing import Final, TypeVar

from localcluster.controlplane import ControlPlane

Found = TypeVar("Found")

POLL_SECONDS: Final = 1.0


class DemoError(Exception):
    """A step did not happen. The message says which, and what was seen instead."""


class Screen:
    """Writes to standard output, and runs kubectl where people can see it."""

    def __init__(self, control_plane: ControlPlane) -> None:
        self._control_plane = control_plane
        self._began = time.monotonic()

    def heading(self, text: str) -> None:
        """Begin a step."""
        sys.stdout.write(f"\n── {time.monotonic() - self._began:5.0f} s ── {text}\n")
        sys.stdout.flush()

    def say(self, text: str) -> None:
        """Explain."""
        sys.stdout.write(textwrap.fill(text, 110) + "\n")
        sys.stdout.flush()

    def kubectl(
        self, *arguments: str, user: str = "admin", input: str | None = None, check: bool = True
    ) -> CompletedProcess[str]:
        """Run a command as `user` and show it with its answer."""
        person = "" if user == "admin" else f"{user.rsplit(':', 1)[-1]}"
        sys.stdout.write(f"{person}$ {shlex.join(['kubectl', *arguments])}\n")
        answer = self._control_plane.kubectl(*arguments, user=user, input=input, check=False)
        sys.stdout.write(textwrap.indent((answer.stdout + answer.stderr).rstrip(), "  ") + "\n")
        sys.stdout.flush()
        if check and answer.returncode:
            raise DemoError(f"kubectl {shlex.join(arguments)} failed: {answer.stderr.strip()}")
        return answer

    def wait(self, what: str, probe: Callable[[], Found | None], *, seconds: float) -> Found:
        """Wait until `probe` returns something, and say how long it took. Raises: DemoError."""
        began = time.monotonic()
        while (found := probe()) is None:
            if time.monotonic() - began > seconds:
                raise DemoError(f"{what} did not happen within {seconds:.0f} s")
            time.sleep(POLL_SECONDS)
        self.say(f"({what}: after {time.monotonic() - began:.0f} s)")
        return found
