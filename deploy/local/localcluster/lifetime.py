"""What is started lives as long as a `with` block, also when its start fails half-way."""

import contextlib
from abc import abstractmethod
from types import TracebackType
from typing import Self


class Lifetime(contextlib.AbstractContextManager["Lifetime"]):
    """Programs that are started on entering and ended on leaving."""

    @abstractmethod
    def _start(self) -> None:
        """Start everything, and wait until it can be used."""

    @abstractmethod
    def stop(self) -> None:
        """End whatever was started, be it all or a part; may be called twice."""

    def __enter__(self) -> Self:
        """Start everything. Raises: BinaryError, ProcessError; nothing is left running then."""
        try:
            self._start()
        except BaseException:  # also Ctrl-C: whatever ends the start, nothing may be left running
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End everything that was started."""
        self.stop()
