"""The shape of the repository: what must not be where. Who may import whom is `lint-imports`, in `make lint`."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
LONGEST = 400
"""Lines of a file: what is longer holds more than one idea."""


def sources(*folders: str) -> list[Path]:
    return [
        path
        for folder in folders
        for path in sorted((ROOT / folder).rglob("*.py"))
        if not any(part.startswith(".") or part == "node_modules" for part in path.relative_to(ROOT).parts)
    ]


def test_operator_is_no_package() -> None:
    # `operator` is a module of the standard library, too: as a package it would break Python here.
    assert not (ROOT / "operator" / "__init__.py").exists()


def test_no_test_is_shipped() -> None:
    found = [
        p for p in sources("operator") if p.name.startswith(("test_", "conftest")) or "tests" in p.parts[-2:]
    ]
    assert found == []


def test_every_file_holds_one_idea() -> None:
    lengths = {
        str(p.relative_to(ROOT)): len(p.read_text(encoding="utf-8").splitlines())
        for p in sources("operator", "deploy", "tests", "benchmarks")
    }
    assert lengths, "the folders are where this test looks"
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}
