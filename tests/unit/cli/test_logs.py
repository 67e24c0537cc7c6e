"""One line for each thing that happens, for people or for machines."""

import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from podvigil.cli.logs import JsonFormatter, TextFormatter, configure
from podvigil.settings import LogFormat, LogLevel, Settings


def record(message: str = "Evicting pod", **fields: Any) -> logging.LogRecord:
    return logging.makeLogRecord(
        {"name": "podvigil.x", "levelname": "INFO", "msg": message, "created": 1_772_359_200.25, **fields}
    )


def test_text_has_its_fields_behind_it() -> None:
    line = TextFormatter().format(record(pod="shop/web-1", count=3))
    assert line == "2026-03-01T10:00:00.250Z INFO    Evicting pod  pod=shop/web-1  count=3"


def test_what_kopf_hands_to_its_own_handlers_is_not_shown() -> None:
    line = TextFormatter().format(record(settings="OperatorSettings(…)", k8s_skip=True, pod="shop/web-1"))
    assert line == "2026-03-01T10:00:00.250Z INFO    Evicting pod  pod=shop/web-1"


def test_json_has_its_fields_beside_it() -> None:
    assert json.loads(JsonFormatter().format(record(pod="shop/web-1", path=Path("/x")))) == {
        "time": "2026-03-01T10:00:00.250Z",
        "level": "info",
        "logger": "podvigil.x",
        "message": "Evicting pod",
        "pod": "shop/web-1",
        "path": "/x",
    }


def test_arguments_of_others_are_filled_in() -> None:
    line = record("took %d s", args=(3,))
    assert "took 3 s" in TextFormatter().format(line)
    assert json.loads(JsonFormatter().format(line))["message"] == "took 3 s"


def test_an_error_brings_its_traceback() -> None:
    try:
        raise ValueError("broken")
    except ValueError:
        failed = record(exc_info=sys.exc_info())
    assert TextFormatter().format(failed).splitlines()[-1] == "ValueError: broken"
    line = JsonFormatter().format(failed)
    assert "\n" not in line
    assert json.loads(line)["traceback"].endswith("ValueError: broken")


@pytest.fixture
def logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    for handler in set(root.handlers) - set(before):
        handler.close()
    root.handlers[:] = before
    root.setLevel(level)


@pytest.mark.usefixtures("logging_as_it_was")
def test_lines_go_to_standard_error_and_to_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "podvigil.log"
    configure(Settings(log_file=place, log_format=LogFormat.JSON))
    logging.getLogger("podvigil.x").info("Started", extra={"mode": "full"})
    logging.getLogger("podvigil.x").debug("Not asked for")
    logging.getLogger("kopf.x").info("Everyday line of a library")
    (line,) = place.read_text().splitlines()
    assert json.loads(line)["mode"] == "full"
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", f"{line}\n")


@pytest.mark.usefixtures("logging_as_it_was")
def test_at_debug_the_libraries_speak_too(tmp_path: Path) -> None:
    place = tmp_path / "podvigil.log"
    configure(Settings(log_file=place, log_level=LogLevel.DEBUG))
    logging.getLogger("kopf.x").debug("Everyday line of a library")
    assert "Everyday line of a library" in place.read_text()
