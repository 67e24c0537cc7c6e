"""A kubeconfig may be rewritten while a kubectl of another thread reads it."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from localcluster.users import ADMIN, write_kubeconfig

REWRITES: Final = 300
"""Enough for a reader to meet an unfinished file, if there ever is one."""


def test_a_reader_sees_a_whole_kubeconfig_at_any_time(tmp_path: Path) -> None:
    path = tmp_path / "admin.kubeconfig"

    def write(times: int) -> None:
        for _ in range(times):
            write_kubeconfig(path, url="https://127.0.0.1:1", ca_file=tmp_path, user=ADMIN, token="secret")

    write(1)
    whole = path.read_text()
    with ThreadPoolExecutor(max_workers=1) as other:
        rewritten = other.submit(write, REWRITES)
        seen = {path.read_text()}
        while not rewritten.done():
            seen.add(path.read_text())
        rewritten.result()
    assert seen == {whole}


def test_a_kubeconfig_holds_a_token_and_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "admin.kubeconfig"
    write_kubeconfig(path, url="https://127.0.0.1:1", ca_file=tmp_path, user=ADMIN, token="secret")
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]
