"""Log lines: text for people, JSON for machines; a constant message, and the values as fields."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final

from podvigil.settings import LogFormat, Settings

_KNOWN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""What every record carries; the rest are the fields that the caller gave."""

_KOPFS_OWN: Final = frozenset({"k8s_skip", "settings"})
"""What kopf hands to its own handlers in every record: all of its settings would be two thousand characters."""

_NOISY: Final = ("kopf", "kubernetes", "urllib3", "aiohttp", "asyncio")
"""Libraries whose everyday lines are of use to their authors."""


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    hidden = _KNOWN | _KOPFS_OWN
    return {k: v for k, v in vars(record).items() if k not in hidden and not k.startswith("_")}


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


class TextFormatter(logging.Formatter):
    """`2026-03-01T10:00:00.000Z INFO  Started  mode=full`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line, and a traceback under it where there is one."""
        fields = "".join(f"  {k}={v}" for k, v in _fields(record).items())
        text = f"{_time(record)} {record.levelname:<7} {record.getMessage()}{fields}"
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        line = {"time": _time(record), "level": record.levelname.lower(), "logger": record.name}
        line |= {"message": record.getMessage()} | _fields(record)
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configure(settings: Settings) -> None:
    """Send all log lines to standard error, and to a file where one is named. Raises: OSError for the file."""
    formatter = JsonFormatter() if settings.log_format is LogFormat.JSON else TextFormatter()
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if settings.log_file:
        handlers.append(logging.FileHandler(settings.log_file, encoding="utf-8"))
    for handler in handlers:
        handler.setFormatter(formatter)
    level = settings.log_level.value.upper()
    logging.basicConfig(level=level, handlers=handlers, force=True)
    for name in _NOISY:
        logging.getLogger(name).setLevel(level if level == "DEBUG" else "WARNING")
