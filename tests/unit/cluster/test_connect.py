"""Where credentials come from; the environment and the home are made up."""

import json
from pathlib import Path
from typing import Any

import pytest

from podvigil.cluster.connect import connect, context_namespace, login, own_namespace
from podvigil.cluster.errors import BadCredentials, Unavailable


def kubeconfig(path: Path, server: str, token: str) -> Path:
    config = {
        "current-context": "a",
        "clusters": [{"name": "a", "cluster": {"server": server, "insecure-skip-tls-verify": True}}],
        "users": [{"name": "a", "user": {"token": token}}],
        "contexts": [
            {"name": "a", "context": {"cluster": "a", "user": "a"}},
            {"name": "b", "context": {"cluster": "a", "user": "a"}},
        ],
    }
    path.write_text(json.dumps(config))
    return path


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT", "POD_NAMESPACE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def test_the_given_file_comes_before_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = kubeconfig(tmp_path / "given", "https://given:1", "t")
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "env", "https://env:1", "t")))
    assert connect(given).configuration.host == "https://given:1"
    assert connect().configuration.host == "https://env:1"
    assert connect(None, "b").configuration.host == "https://env:1"


def test_the_home_is_the_last_place(tmp_path: Path) -> None:
    folder = tmp_path / "home" / ".kube"
    folder.mkdir(parents=True)
    kubeconfig(folder / "config", "https://home:1", "t")
    assert connect().configuration.host == "https://home:1"


def test_no_credentials_say_where_we_looked() -> None:
    with pytest.raises(Unavailable, match=r"KUBECONFIG.*not inside a cluster"):
        connect()


ASKED = pytest.mark.parametrize("ask", [connect, context_namespace], ids=["connect", "namespace"])
"""A command asks for the namespace first, the operator at once for the client: both read the file."""


@ASKED
@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(None, ": no such file", id="missing"),
        pytest.param(b"", " is no kubeconfig: it holds no mapping", id="empty"),
        pytest.param(b"[]", " is no kubeconfig: it holds no mapping", id="a-list"),
        pytest.param(b"plain text", " is no kubeconfig: it holds no mapping", id="plain-text"),
        pytest.param(b"\xff\xfe\x00", " is no kubeconfig: it is not text", id="binary"),
        pytest.param(b"\x00", " is no kubeconfig: it is not YAML", id="a-nought"),
        pytest.param(b"a: b\n\ttoken", " is no kubeconfig: it is not YAML in line 2", id="not-yaml"),
        pytest.param(b"current-context: x", "name x", id="no-contexts"),
        pytest.param(b"contexts: x", ": contexts must be a list", id="contexts-no-list"),
        pytest.param(b"users: [x]", ": users[0] must have a name and a user", id="user-no-mapping"),
        pytest.param(b"users: [{name: a, user: x}]", ": users[0].user must be a mapping", id="user-is-text"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, content: bytes | None, said: str, ask: Any) -> None:
    path = tmp_path / "broken"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadCredentials) as caught:
        ask(path)
    assert str(caught.value).startswith(str(path))
    assert said in str(caught.value)
    assert str(caught.value).count("is no kubeconfig") <= 1


@ASKED
@pytest.mark.parametrize(
    ("listed", "held", "key", "value"),
    [
        ("clusters", "cluster", "server", 5),
        ("clusters", "cluster", "certificate-authority", []),
        ("clusters", "cluster", "proxy-url", True),
        ("users", "user", "client-certificate-data", ["x"]),
        ("users", "user", "auth-provider", 5),
        ("contexts", "context", "namespace", 5),
    ],
)
def test_a_value_of_another_type_is_named(
    tmp_path: Path, listed: str, held: str, key: str, value: Any, ask: Any
) -> None:
    path = kubeconfig(tmp_path / "k", "https://a:1", "t")
    config = json.loads(path.read_text())
    config[listed][0][held][key] = value
    path.write_text(json.dumps(config))
    with pytest.raises(BadCredentials, match=rf"{listed}\[0\]\.{held}\.{key} must be "):
        ask(path)


def test_a_proxy_without_a_scheme_is_said(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "k", "https://a:1", "t")
    path.write_text(path.read_text().replace('"server"', '"proxy-url": "proxy", "server"'))
    with pytest.raises(BadCredentials, match="scheme"):
        connect(path)


def test_the_key_in_a_broken_line_is_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "broken"
    path.write_text("users: [{name: a, user: {token: s3cret: x}}]")
    with pytest.raises(BadCredentials) as caught:
        connect(path)
    assert "s3cret" not in str(caught.value)


@ASKED
def test_of_several_files_some_may_be_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ask: Any
) -> None:
    there = kubeconfig(tmp_path / "there", "https://a:1", "t")
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path / 'none'}:{there}")
    ask()


def test_an_unknown_context_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="nowhere"):
        connect(kubeconfig(tmp_path / "k", "https://a:1", "t"), "nowhere")


def test_in_cluster_without_a_token_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    with pytest.raises(Unavailable, match="ServiceAccount"):
        connect()


def test_kopf_gets_the_same_credentials(tmp_path: Path) -> None:
    info = login(kubeconfig(tmp_path / "k", "https://a:1", "t0ken"))
    assert (info.server, info.scheme, info.token, info.insecure) == ("https://a:1", "Bearer", "t0ken", True)
    assert info.expiration is None


def test_own_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    assert own_namespace("podvigil") == "podvigil"
    monkeypatch.setenv("POD_NAMESPACE", "ops")
    assert own_namespace("podvigil") == "ops"
