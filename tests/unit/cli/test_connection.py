"""What a person is told when what answers is not the API server that they meant, or nobody does."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from faults.loopback import Asked, Loopback, Reply
from podvigil.cli.main import app

NO_KIND = Reply(b"404 page not found\n", 404)
"""What a real API server says of a kind that it does not have."""

NO_OBJECT = Reply({"kind": "Status", "reason": "NotFound", "message": "gone", "details": {"name": "x"}}, 404)

COMMANDS = [
    pytest.param(("requests",), id="requests"),
    pytest.param(("requests", "-A"), id="requests-of-all"),
    *(pytest.param((word, "x"), id=word) for word in ("show", "approve", "deny", "cancel", "rollback")),
]


def kubeconfig(folder: Path, url: str) -> Path:
    path = folder / "kc0"
    one = {"name": "a", "cluster": {"server": url}, "user": {}, "context": {"cluster": "a", "user": "a"}}
    path.write_text(
        json.dumps({"current-context": "a", "clusters": [one], "users": [one], "contexts": [one]})
    )
    return path


def podvigil(kubeconfig: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--kubeconfig", str(kubeconfig)])


def asked_of(answer: Callable[[Asked], Reply], folder: Path, *arguments: str) -> Result:
    with Loopback(answer) as server:
        return podvigil(kubeconfig(folder, server.url), *arguments)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_cluster_without_our_kinds_is_said(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = asked_of(lambda _: NO_KIND, tmp_path, *command)
    assert done.exit_code == 2
    assert "podvigil: Podvigil's kinds are not installed in this cluster" in done.stderr
    assert "kubectl get crd | grep podvigil.io" in done.stderr


def test_a_request_that_is_not_there_is_another_thing(tmp_path: Path) -> None:
    done = asked_of(lambda _: NO_OBJECT, tmp_path, "show", "x")
    assert done.exit_code == 1
    assert "no request x in namespace default: `podvigil requests -A` lists all" in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_a_login_page_is_no_answer(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = asked_of(lambda _: Reply(b"<html>Sign in</html>"), tmp_path, *command)
    assert done.exit_code == 2
    assert "is a proxy or a login page in between?" in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("content", [None, b"plain text", b"\xff\xfe\x00"], ids=["none", "text", "binary"])
def test_what_is_no_kubeconfig_is_named_once(
    tmp_path: Path, content: bytes | None, command: tuple[str, ...]
) -> None:
    path = tmp_path / "kc0"
    if content is not None:
        path.write_bytes(content)
    done = podvigil(path, *command)
    assert done.exit_code == 2
    assert done.stderr.startswith(f"podvigil: {path}")
    assert done.stderr.count("kc0") == 1
    assert "Credentials" not in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_nobody_there_ends_with_2(tmp_path: Path, command: tuple[str, ...]) -> None:
    with Loopback(lambda _: NO_KIND) as server:
        url = server.url
    done = podvigil(kubeconfig(tmp_path, url), *command)
    assert done.exit_code == 2
    assert done.stderr == (
        f"podvigil: no answer from {url} (connection refused): "
        "is it the right --context, and is the cluster reachable from here?\n"
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_a_context_that_is_not_there_is_said_with_those_that_are(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    path = kubeconfig(tmp_path, "https://127.0.0.1:1")
    done = podvigil(path, *command, "--context", "nope")
    assert done.exit_code == 2
    assert done.stderr == f"podvigil: {path}: there is no context 'nope': there are a\n"


def test_a_refusal_ends_with_1(tmp_path: Path) -> None:
    no = {"kind": "Status", "reason": "Forbidden", "message": "not you"}
    done = asked_of(lambda _: Reply(no, 403), tmp_path, "requests")
    assert (done.exit_code, "not you" in done.stderr) == (1, True)
