"""The CRDs as generated: nothing stale, undescribed, unbounded, or of a type that loses precision."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from podvigil.api.crd import KINDS, KindDefinition, definition, main, structural

CRDS: Final = Path(__file__).parents[3] / "crds"

Schema = dict[str, Any]


def schema_of(of: KindDefinition) -> Schema:
    """Return the kind's OpenAPI schema."""
    found: Schema = definition(of)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return found


def places(schema: Schema, path: str) -> Iterator[tuple[str, Schema]]:
    """Yield every schema within, with its path."""
    yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from places(inner, f"{path}.{name}")
    if "items" in schema:
        yield from places(schema["items"], f"{path}[]")
    if "additionalProperties" in schema:
        yield from places(schema["additionalProperties"], f"{path}{{}}")


ALL: Final = [
    (path, schema)
    for of in KINDS
    for path, schema in places(schema_of(of), of.kind)
    if not path.endswith((".apiVersion", ".kind", ".metadata")) or path.count(".") > 1
]
"""Every place of our own; the top three are bounded by the API server itself."""


def test_the_files_are_not_stale(tmp_path: Path) -> None:
    main(tmp_path)
    generated = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert generated == {path.name: path.read_text() for path in CRDS.iterdir()}, "run `make crds`"


@pytest.mark.parametrize("of", KINDS, ids=lambda of: of.kind)
def test_every_field_is_described(of: KindDefinition) -> None:
    fields = [(path, s) for path, s in ALL if path.startswith(of.kind) and not path.endswith(("[]", "{}"))]
    assert [path for path, schema in fields if not schema.get("description")] == []
    assert [path for path, schema in fields if schema["description"].rstrip()[-1] not in ".}"] == []


def test_nothing_is_a_floating_point_number() -> None:
    assert [path for path, schema in ALL if schema["type"] == "number"] == []


def test_every_string_is_bounded() -> None:
    strings = [(path, s) for path, s in ALL if s["type"] == "string"]
    assert [
        path for path, s in strings if not {"maxLength", "enum"} & set(s) and s.get("format") != "date-time"
    ] == []


def test_every_list_and_map_is_bounded() -> None:
    assert [path for path, s in ALL if s["type"] == "array" and "maxItems" not in s] == []
    assert [path for path, s in ALL if "additionalProperties" in s and "maxProperties" not in s] == []


def test_every_rule_says_what_to_write() -> None:
    messages = [r.get("message", "") for _, s in ALL for r in s.get("x-kubernetes-validations", ())]
    assert messages
    assert [message for message in messages if len(message.split()) < 5] == []


@pytest.mark.parametrize("of", KINDS, ids=lambda of: of.kind)
def test_columns_and_selectable_fields_exist_in_the_schema(of: KindDefinition) -> None:
    known = {path.removeprefix(of.kind) for path, _ in ALL if path.startswith(of.kind)}
    named = [c.path for c in of.columns if "conditions[" not in c.path and "metadata" not in c.path]
    assert set(named) | set(of.selectable) <= known


@pytest.mark.parametrize("of", KINDS, ids=lambda of: of.kind)
def test_the_status_is_a_subresource_and_the_category_is_ours(of: KindDefinition) -> None:
    spec = definition(of)["spec"]
    assert spec["versions"][0]["subresources"] == {"status": {}}
    assert spec["names"]["categories"] == ["podvigil"]
    assert "phase" not in {path.rsplit(".", 1)[-1] for path, _ in ALL}


def test_a_union_of_types_has_no_structural_form() -> None:
    with pytest.raises(ValueError, match="union"):
        structural({"anyOf": [{"type": "string"}, {"type": "integer"}]}, {})


def test_an_unknown_type_has_no_structural_form() -> None:
    with pytest.raises(ValueError, match="no structural form"):
        structural({"description": "anything"}, {})


def test_how_a_file_is_written_is_stable() -> None:
    for path in CRDS.glob("podvigil.io_*.yaml"):
        assert path.read_text().startswith(
            "# Generated from operator/podvigil/api by `make crds`; do not edit.\n"
        )
        assert yaml.safe_load(path.read_text())["kind"] == "CustomResourceDefinition"
