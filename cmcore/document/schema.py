"""What a pydantic model allows at each place of a document, read from its core schema.

pydantic names the place of an error by field names, indices and labels of union members; here the labels are told from
the rest. What is said about an error is not decided here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import cast

from pydantic import BaseModel, TypeAdapter

from cmcore.document.place import JsonPath, PathPart

Schema = Mapping[str, object]

_KEY_LABEL = "[key]"  # pydantic's last part for an error in a mapping's key


@dataclass(frozen=True, slots=True)
class Branch:
    """A member of a union that was tried, and where."""

    path: JsonPath
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Where an error is: the path in the document, what the model allows there and around it, the unions on the way."""

    path: JsonPath
    of_key: bool
    schemas: tuple[Schema, ...]
    around: tuple[Schema, ...]
    branches: tuple[Branch, ...]


class Shape:
    """The core schema of one model, its definitions at hand."""

    def __init__(self, model: type[BaseModel]) -> None:
        self._root = cast(Schema, TypeAdapter(model).core_schema)
        definitions = cast(Iterable[Schema], self._root.get("definitions", ()))
        self._definitions = {definition["ref"]: definition for definition in definitions}

    def spot(self, location: Sequence[PathPart]) -> Spot:
        """Where in a document pydantic's location of an error is."""
        of_key = location[-1:] == (_KEY_LABEL,)
        path: list[PathPart] = []
        branches: list[Branch] = []
        schemas = around = [self._bare(self._root)]
        for part in location[:-1] if of_key else location:
            members = [member for schema in schemas for member in self._members(schema, f"{part}")]
            if members:
                branches.append(Branch(tuple(path), f"{part}"))
                schemas = members
                continue
            around, schemas = schemas, [inner for schema in schemas for inner in self._inside(schema, part)]
            path.append(part)
        return Spot(
            path=tuple(path),
            of_key=of_key,
            schemas=tuple(schemas),
            around=tuple(around),
            branches=tuple(branches),
        )

    def _bare(self, schema: Schema) -> Schema:
        """The schema without what only wraps it: defaults, validators, `| None`, references to definitions."""
        while True:
            match schema:
                case {"type": "definition-ref", "schema_ref": reference}:
                    schema = self._definitions[reference]
                case {"type": "json-or-python", "json_schema": inner} | {
                    "type": "lax-or-strict",
                    "strict_schema": inner,
                }:
                    schema = cast(Schema, inner)
                case {"schema": inner}:
                    schema = cast(Schema, inner)
                case {"type": "chain", "steps": [first, *_]}:
                    schema = cast(Schema, first)
                case _:
                    return schema

    def _members(self, schema: Schema, label: str) -> list[Schema]:
        """The members of a union that a label can mean; none, where the schema is no union."""
        match schema:
            case {"type": "tagged-union", "choices": choices}:
                tagged = cast(Mapping[object, Schema], choices)
                return [
                    self._bare(choice) for tag, choice in tagged.items() if f"{getattr(tag, 'value', tag)}" == label
                ]
            case {"type": "union", "choices": choices}:
                tried = cast(list[Schema | tuple[Schema, str]], choices)
                members = [choice[0] if isinstance(choice, tuple) else choice for choice in tried]
                named = [member for member in members if self._name(member) in label]
                return [self._bare(member) for member in named or members]
            case _:
                return []

    def _name(self, schema: Schema) -> str:
        """The part of pydantic's label for a union member that can be told from its schema."""
        while schema["type"] == "definition-ref":
            schema = self._definitions[schema["schema_ref"]]
        match schema:
            case {"cls": type() as named}:
                return named.__name__
            case {"schema": inner}:
                return self._name(cast(Schema, inner))
            case _:
                return f"{schema['type']}"

    def _inside(self, schema: Schema, part: PathPart) -> list[Schema]:
        """What is allowed at a key or index of a mapping or list."""
        inner: object = None
        match schema, part:
            case {"fields": _}, str():
                inner = fields(schema).get(part)
            case {"values_schema": values}, str():
                inner = values
            case {"type": "tuple", "items_schema": [*items]}, int():
                inner = items[min(part, len(items) - 1)] if items else None
            case {"items_schema": items}, int():
                inner = items
        return [self._bare(cast(Schema, inner))] if inner is not None else []


def fields(schema: Schema) -> dict[str, Schema]:
    """The keys that a model's, dataclass's or TypedDict's schema knows, as documents spell them."""
    declared = schema.get("fields", {})
    if isinstance(declared, Mapping):
        named = [(f"{name}", cast(Schema, field)) for name, field in declared.items()]
    else:
        named = [(f"{field['name']}", field) for field in cast(list[Schema], declared)]
    return {_spelling(name, field): field for name, field in named}


def _spelling(name: str, field: Schema) -> str:
    alias = field.get("validation_alias", name)
    return alias if isinstance(alias, str) else name


def choices(schema: Schema) -> list[object]:
    """The plain values that a literal, an enumeration or a union's tag can be."""
    match schema:
        case {"type": "literal", "expected": [*values]} | {"type": "enum", "members": [*values]}:
            return [_plain(value) for value in values]
        case {"type": "tagged-union", "choices": members}:
            return [_plain(tag) for tag in cast(Mapping[object, Schema], members)]
        case _:
            return []


def _plain(value: object) -> object:
    match value:
        case Enum(value=inner):
            return inner
        case _:
            return value
