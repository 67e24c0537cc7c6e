"""The example package of docs/, installed as an installer would leave it: a .dist-info folder beside the module."""

import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import invalidate_caches
from pathlib import Path
from typing import Final

EXAMPLE: Final = Path(__file__).parents[1] / "docs/examples/podvigil-flush-cache"
GROUP: Final = "podvigil.actions"


@contextmanager
def flush_cache_installed(folder: Path) -> Iterator[None]:
    """Put the package on the path; it is off it again afterwards."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    name, version = project["name"], project["version"]
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n")
    points = "".join(f"{key} = {value}\n" for key, value in project["entry-points"][GROUP].items())
    (info / "entry_points.txt").write_text(f"[{GROUP}]\n{points}")
    module = EXAMPLE / "flush_cache.py"
    (folder / module.name).write_bytes(module.read_bytes())
    sys.path.insert(0, str(folder))
    invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        sys.modules.pop(module.stem, None)
        invalidate_caches()
