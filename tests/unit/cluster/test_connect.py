"""Where credentials come from; the environment and the home are made up."""

import json
from pathlib import Path

import pytest

from podvigil.cluster.connect import connect, login, own_namespace
from podvigil.cluster.errors import Unavailable


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


@pytest.mark.parametrize("content", [None, "", "[]", "current-context: x", "\tnot yaml"])
def test_a_broken_file_is_named(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "broken"
    if content is not None:
        path.write_text(content)
    with pytest.raises(Unavailable, match="broken"):
        connect(path)


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
