"""Find the programs of the local cluster, or build them.

Looked for in this order: the folder KUBEBUILDER_ASSETS (taken as it is: whoever set it chose), the PATH (only in
the pinned version), the cache folder. What is nowhere is built with Go, once per machine, into the cache.

    python -m localcluster.binaries [NAME …]      # finds or builds them, prints their paths
"""

import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from localcluster.errors import BinaryError, LocalClusterError
from localcluster.toolchain import (
    KWOK,
    NODE_TOOLS,
    TOOLS,
    TOOLS_FOLDER,
    Tool,
    cache_key,
    check_go,
    link_flags,
    release_version,
)

BUILD_TIMEOUT_SECONDS: Final = 3600
VERSION_TIMEOUT_SECONDS: Final = 10
STAGES: Final = "kwok-stages"
"""Folder beside the programs: KWOK's own stage files, which its binary does not hold."""


def cache_folder(module: Path = TOOLS_FOLDER) -> Path:
    """Folder of what this state of a Go module builds; PODVIGIL_CACHE and XDG_CACHE_HOME move it."""
    base = os.environ.get("PODVIGIL_CACHE")
    if not base:
        base = os.path.join(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "podvigil")
    return Path(base).expanduser().absolute() / "bin" / cache_key(module)


def ensure(names: Sequence[str] = tuple(TOOLS)) -> dict[str, Path]:
    """Find or build the named programs. Raises: BinaryError, with how to mend it."""
    known = TOOLS | NODE_TOOLS
    for name in names:
        if name not in known:
            raise BinaryError(f"There is no program {name!r}; known are {', '.join(known)}")
    found = {name: path for name in names if (path := find(known[name]))}
    missing = [tool for tool in known.values() if tool.name in names and tool.name not in found]
    if missing:
        found |= _build_all(missing)
    return found


def find(tool: Tool) -> Path | None:
    """Path of a program that is there already."""
    if assets := os.environ.get("KUBEBUILDER_ASSETS"):
        given = Path(assets) / tool.name
        if os.access(given, os.X_OK):
            return given.absolute()
    cached = cache_folder(tool.folder) / tool.name
    # Asked before the PATH because it costs no process; both hold the same version.
    if cached.exists():
        return cached
    on_path = shutil.which(tool.name)
    return Path(on_path).absolute() if on_path and _is_pinned_version(on_path, tool) else None


def kwok_stages() -> Path:
    """Folder with KWOK's stages and metrics (its `kustomize` folder). Raises: BinaryError."""
    folder = cache_folder() / STAGES
    if not folder.exists():
        with _locked(folder.parent):
            if not folder.exists():
                check_go()
                _copy_stages(folder)
    return folder


def _is_pinned_version(path: str, tool: Tool) -> bool:
    arguments = ["version", "--client"] if tool.name == "kubectl" else ["--version"]
    try:
        answer = subprocess.run(
            [path, *arguments], capture_output=True, text=True, timeout=VERSION_TIMEOUT_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    printed = re.search(r"\d+\.\d+\.\d+\S*", answer.stdout + answer.stderr)
    return printed is not None and printed[0].rstrip(",") == release_version(tool)


def _build_all(tools: Sequence[Tool]) -> dict[str, Path]:
    go = check_go()
    built: dict[str, Path] = {}
    folders = list(dict.fromkeys(cache_folder(tool.folder) for tool in tools))
    where = ", ".join(map(str, folders))
    _say(f"Building {len(tools)} programs with {go} into {where}, once for this machine")
    _say(
        f"  the first time takes about {_minutes(sum(t.cold_build_seconds for t in tools))} on two cores, and the "
        "download of their sources; later builds take seconds"
    )
    for number, tool in enumerate(tools, start=1):
        target = cache_folder(tool.folder) / tool.name
        with _locked(target.parent):
            if not target.exists():  # another process may have built it while we waited
                _build(tool, target, f"{number}/{len(tools)}")
        built[tool.name] = target
    return built


def _build(tool: Tool, target: Path, position: str) -> None:
    _say(f"  [{position}] {tool.name} {release_version(tool)} …")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{tool.name}-") as scratch:
        output = Path(scratch) / tool.name
        tags = [f"-tags={','.join(tool.tags)}"] if tool.tags else []
        flags = ["-trimpath", f"-ldflags={link_flags()}", *tags]
        _go("build", *flags, "-o", str(output), tool.package, folder=tool.folder)
        if tool.module == KWOK and not (target.parent / STAGES).exists():
            _copy_stages(target.parent / STAGES)
        output.replace(target)
    _say(f"  [{position}] {tool.name} built in {time.monotonic() - began:.0f} s")


def _copy_stages(target: Path) -> None:
    """Copy KWOK's `kustomize` folder next to its program, out of the module that it was built from."""
    _go("mod", "download", KWOK)
    module = Path(_go("list", "-m", "-f", "{{.Dir}}", KWOK).strip())
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".stages-") as scratch:
        copy = Path(scratch) / STAGES
        # The module's files are read-only, and so would be the copy with `copy2`.
        shutil.copytree(module / "kustomize", copy, copy_function=shutil.copyfile)
        for folder in (copy, *(path for path in copy.rglob("*") if path.is_dir())):
            folder.chmod(0o755)
        copy.rename(target)


def build_program(folder: Path, output: Path) -> Path:
    """Build a Go program of ours that requires no module; it takes a second. Raises: BinaryError."""
    check_go()
    _go("build", "-trimpath", "-ldflags=-s -w", "-o", str(output), ".", folder=folder)
    return output


def _go(*arguments: str, folder: Path = TOOLS_FOLDER) -> str:
    """Run go in the folder of a module. Raises: BinaryError with what it said."""
    answer = subprocess.run(
        ["go", *arguments],
        cwd=folder,
        env={**os.environ, "CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": "-mod=readonly"},
        capture_output=True,
        text=True,
        timeout=BUILD_TIMEOUT_SECONDS,
        check=False,
    )
    if answer.returncode != 0:
        said = answer.stderr.strip().splitlines()[-20:]
        raise BinaryError("\n".join([f"go {arguments[0]} failed in {folder}:", *said]))
    return answer.stdout


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock: two processes do not build the same thing at once."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say(f"  another process builds in {folder}; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _minutes(seconds: int) -> str:
    return f"{seconds} s" if seconds < 90 else f"{round(seconds / 60)} min"


def _say(line: str) -> None:
    # stderr: the paths that `main` prints on stdout stay usable by a script, and pytest shows it on failure.
    print(line, file=sys.stderr, flush=True)


def main(arguments: Sequence[str]) -> int:
    """Print where each program is."""
    try:
        paths = ensure(arguments or tuple(TOOLS))
    except LocalClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for name, path in paths.items():
        print(f"{name:<24} {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
