"""Actions of other packages: which are taken, and what is said of those that are not."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from installed_package import EXAMPLE, flush_cache_installed
from podvigil.remediate.actions import ACTIONS
from podvigil.remediate.actions.base import Action
from podvigil.remediate.actions.registry import GROUP, MEMBERS, Broken, discover, install
from podvigil.remediate.actions.scale import Scale

HERE = __name__


class Renamed(Scale):
    """An action as good as any, under a name of its own."""

    name = "example.com/Renamed"


class Shouted(Renamed):
    name = "example.com/RENAMED"


class Unqualified(Scale):
    name = "Renamed"


class Shipped(Scale):
    name = "Scale"


@dataclass
class NoAction:
    name: str = "example.com/NoAction"


class Explodes(Renamed):
    def __init__(self) -> None:
        raise RuntimeError("no licence")


def point(attribute: str, module: str = HERE) -> EntryPoint:
    return EntryPoint(attribute.lower(), f"{module}:{attribute}", GROUP)


def test_an_action_under_a_name_of_its_own_is_found() -> None:
    found, broken = discover([point("Renamed")], ["Scale"])
    assert [one.action.name for one in found] == ["example.com/Renamed"]
    assert broken == []


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        pytest.param(point("Missing"), "AttributeError: ", id="no-such-attribute"),
        pytest.param(point("X", "no_such_module"), "ModuleNotFoundError: ", id="no-such-module"),
        pytest.param(point("Explodes"), "RuntimeError: no licence", id="cannot-be-made"),
        pytest.param(point("NoAction"), "it has no change, disruption, execute", id="no-action"),
        pytest.param(point("Unqualified"), "domain/Name is needed", id="no-domain"),
        pytest.param(point("Shipped"), "domain/Name is needed", id="a-name-of-ours"),
    ],
)
def test_what_is_no_action_is_named_and_left_out(entry: EntryPoint, why: str) -> None:
    found, (broken,) = discover([entry, point("Renamed")], ["Scale"])
    assert why in broken.why
    assert entry.value in broken.entry
    assert [one.action.name for one in found] == ["example.com/Renamed"]


def test_of_two_with_one_right_neither_is_taken() -> None:
    found, broken = discover([point("Renamed"), point("Shouted")], [])
    assert found == []
    assert len(broken) == 2


def test_a_name_in_use_is_not_taken_again() -> None:
    _, (broken,) = discover([point("Shouted")], ["example.com/Renamed"])
    assert broken == Broken(
        "(no package)", f"shouted = {HERE}:Shouted", "the name example.com/RENAMED is taken"
    )


def test_every_shipped_action_has_what_is_asked_of_others() -> None:
    assert "execute" in MEMBERS
    assert "reversibility" in MEMBERS
    for action in ACTIONS.values():
        assert [name for name in MEMBERS if not hasattr(action, name)] == []


@pytest.fixture
def example(tmp_path: Any) -> Iterator[None]:
    """The example package, as an installer leaves it."""
    with flush_cache_installed(tmp_path):
        yield


@pytest.mark.usefixtures("example")
def test_the_example_package_is_an_action(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    actions: dict[str, Action[Any]] = {}
    assert install(actions) == ("example.com/FlushCache",)
    assert set(actions) == {"example.com/FlushCache"}
    (said,) = [r for r in caplog.records if r.message == "Actions"]
    assert said.__dict__["packages"] == {"example.com/FlushCache": "podvigil-flush-cache 0.1.0"}
    assert (EXAMPLE / "roles.yaml").read_text().count("example.com/flushcache") == 2


@pytest.mark.usefixtures("example")
def test_a_name_that_is_taken_is_said_and_nothing_else_changes(caplog: pytest.LogCaptureFixture) -> None:
    actions: dict[str, Action[Any]] = {"example.com/FlushCache": Renamed()}
    assert install(actions) == ()
    (said,) = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert said.__dict__["package"] == "podvigil-flush-cache 0.1.0"
    assert said.__dict__["why"] == "the name example.com/FlushCache is taken"
