"""Where programs are looked for, and what is said when they cannot be had."""

import os
from pathlib import Path

import pytest

from localcluster.binaries import cache_folder, ensure, find
from localcluster.errors import BinaryError
from localcluster.toolchain import TOOLS, cache_key, pinned_version, release_version


def program(folder: Path, name: str, prints: str) -> Path:
    """A small program that prints one line, whatever it is asked."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{prints}'\n")
    path.chmod(0o755)
    return path


@pytest.fixture(autouse=True)
def _empty_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache, an assets folder and a PATH with nothing of ours."""
    monkeypatch.setenv("PODVIGIL_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin")


def test_assets_are_taken_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = program(tmp_path / "assets", "kubectl", "Client Version: v1.2.3")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(given.parent))
    assert find(TOOLS["kubectl"]) == given


@pytest.mark.parametrize(
    ("name", "prints", "taken"),
    [
        pytest.param("kubectl", "Client Version: v1.36.3", True, id="the-pinned-version"),
        pytest.param("kubectl", "Client Version: v1.32.4-dispatcher", False, id="an-older-one"),
        pytest.param("kube-apiserver", "Kubernetes v1.36.30", False, id="a-longer-number"),
        pytest.param("prometheus", "prometheus, version 3.13.0 (branch: main)", True, id="a-sentence"),
        pytest.param("etcd", "nothing of the kind", False, id="no-number"),
    ],
)
def test_on_the_path_only_the_pinned_version_counts(
    tmp_path: Path, name: str, prints: str, taken: bool
) -> None:
    path = program(tmp_path / "bin", name, prints)
    assert find(TOOLS[name]) == (path if taken else None)


def test_the_cache_is_asked_before_the_path(tmp_path: Path) -> None:
    program(tmp_path / "bin", "etcd", f"etcd Version: {release_version(TOOLS['etcd'])}")
    cache_folder().mkdir(parents=True)
    cached = program(cache_folder(), "etcd", "")
    assert ensure(["etcd"]) == {"etcd": cached}


@pytest.mark.parametrize(
    ("prints", "said"),
    [
        pytest.param("go1.21.3", "too old: go1.21.3", id="old"),
        pytest.param("", "cannot be used", id="broken"),
    ],
)
def test_a_go_that_will_not_do_is_named_with_the_way_out(tmp_path: Path, prints: str, said: str) -> None:
    program(tmp_path / "bin", "go", prints)
    with pytest.raises(BinaryError, match=rf"{said}(.|\n)*Go 1\.26(.|\n)*KUBEBUILDER_ASSETS"):
        ensure(["kwok"])


def test_a_missing_go_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BinaryError, match=r"not on the PATH(.|\n)*1\.26"):
        ensure(["kwok"])


def test_an_unknown_program_is_an_error_that_lists_the_known() -> None:
    with pytest.raises(BinaryError, match=r"kubelett.*kube-apiserver"):
        ensure(["kubelett"])


def test_versions_come_from_the_go_module() -> None:
    assert pinned_version("k8s.io/kubernetes") == "v1.36.3"
    assert release_version(TOOLS["prometheus"]) == "3.13.0"
    assert len(cache_key()) == 12
