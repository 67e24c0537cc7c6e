"""Whether kubeconfig files can be used at all: what the client's loader stumbles over, told with file and place."""

import os
from pathlib import Path
from typing import Any, Final

import yaml

from podvigil.cluster.errors import BadCredentials

_ENTRIES: Final = {"clusters": "cluster", "contexts": "context", "users": "user"}
"""Each list of a kubeconfig, and what an entry holds beside its name."""

_TEXTS: Final = frozenset(
    {
        "server", "certificate-authority", "certificate-authority-data", "proxy-url", "cluster", "user", "namespace",
        "client-certificate", "client-certificate-data", "client-key", "client-key-data",
    }
)  # fmt: skip
_MAPPINGS: Final = frozenset({"exec", "auth-provider"})


def check(paths: str) -> None:
    """Refuse a kubeconfig, or a list of them as in $KUBECONFIG, that no loader could read.

    As with kubectl a file of several may be missing; the first that is there may be the only one.

    Raises: BadCredentials naming the file, the place and what should be there.
    """
    files = [Path(os.path.expanduser(path)) for path in paths.split(os.pathsep) if path]
    try:
        there = [file for file in files if file.exists()]
        for file in there:
            _check_shape(file, _read(file))
    except OSError as error:
        raise BadCredentials(f"{error.filename}: {error.strerror}") from error
    if not there:
        raise BadCredentials(f"{paths}: no such file")


def _read(file: Path) -> Any:
    try:
        return yaml.safe_load(file.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise BadCredentials(f"{file} is no kubeconfig: it is not text") from error
    except yaml.YAMLError as error:
        raise BadCredentials(f"{file} is no kubeconfig: it is not YAML{_where(error)}") from error


def _where(error: yaml.YAMLError) -> str:
    """Name the line; the parser's own text quotes it, and a key may stand there."""
    mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
    return f" in line {mark.line + 1}" if mark else ""


def _check_shape(file: Path, content: Any) -> None:
    if not isinstance(content, dict):
        raise BadCredentials(
            f"{file} is no kubeconfig: it holds no mapping with contexts, clusters and users"
        )
    for listed, held in _ENTRIES.items():
        entries = content.get(listed)
        if entries is not None and not isinstance(entries, list):
            raise BadCredentials(f"{file}: {listed} must be a list of entries with a name and a {held}")
        for number, entry in enumerate(entries or ()):
            if not (isinstance(entry, dict) and isinstance(entry.get("name"), str)):
                raise BadCredentials(f"{file}: {listed}[{number}] must have a name and a {held}")
            values = entry.get(held) or {}
            if not isinstance(values, dict):
                raise BadCredentials(f"{file}: {listed}[{number}].{held} must be a mapping")
            for key, value in values.items():
                wanted = str if key in _TEXTS else dict if key in _MAPPINGS else object
                if value is not None and not isinstance(value, wanted):
                    what = "text" if wanted is str else "a mapping"
                    raise BadCredentials(f"{file}: {listed}[{number}].{held}.{key} must be {what}")
