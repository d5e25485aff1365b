"""Types as documents write them: artifact types by name or import path, parameter types as small expressions."""

from __future__ import annotations

import ast
import re
import types
from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Literal, Union, get_args, get_origin

from pydantic import JsonValue

import cmcore.artifacts as standard
from cmcore.artifacts import Artifact
from cmcore.components.code.reference import CodeRef
from cmcore.components.secret import Secret
from cmcore.document.wording import did_you_mean
from cmcore.errors import UsageError

STANDARD: Mapping[str, type[Artifact]] = {
    name: value for name, value in vars(standard).items() if isinstance(value, type) and issubclass(value, Artifact)
}
NAMED: dict[str, object] = {
    "int": int,
    "float": float,
    "str": str,
    "bool": bool,
    "bytes": bytes,
    "json": JsonValue,
    "dict": dict[str, JsonValue],
    "list": list[JsonValue],
    "Secret": Secret,
    "CodeRef": CodeRef,
    "None": None,
}
CONTAINERS: dict[str, type] = {"list": list, "dict": dict, "tuple": tuple, "set": set, "frozenset": frozenset}
IMPORT_PATH = re.compile(r"[^\W\d][\w.]*:[^\W\d][\w.]*")


def artifact_type(reference: str) -> type[Artifact]:
    """The artifact type that `Examples` or `package.module:Type` means; raises UsageError."""
    if reference in STANDARD:
        return STANDARD[reference]
    if ":" not in reference:
        raise UsageError(
            f"artifact type {reference!r} is not a standard one ({', '.join(sorted(STANDARD))})"
            f"{did_you_mean(reference, STANDARD)}; "
            f"write your own as 'package.module:{reference}'"
        )
    found = CodeRef(reference).load()
    if not (isinstance(found, type) and issubclass(found, Artifact)):
        raise UsageError(f"{reference!r} is {found!r}, not an artifact type")
    return found


def artifact_reference(cls: type[Artifact]) -> str:
    """How documents write an artifact type."""
    return cls.__name__ if STANDARD.get(cls.__name__) is cls else written(cls)


def python_type(expression: str) -> object:
    """The Python type that a parameter's type expression means: `int`, `list[float] | None`, `pkg.mod:Class`."""
    paths = list(dict.fromkeys(IMPORT_PATH.findall(expression)))
    named = {**NAMED, **{f"_{number}": CodeRef(path).load() for number, path in enumerate(paths)}}
    text = IMPORT_PATH.sub(lambda found: f"_{paths.index(found[0])}", expression)
    try:
        return _evaluated(ast.parse(text, mode="eval").body, named)
    except (SyntaxError, ValueError) as error:
        raise UsageError(
            f"parameter type {expression!r} is not understood; write one of {', '.join(NAMED)}, list[...], "
            f"dict[str, ...], tuple[...], set[...], Literal[...], 'X | None' or 'package.module:Class'"
        ) from error


def _evaluated(node: ast.expr, named: Mapping[str, object]) -> object:
    match node:
        case ast.Name(id=name) if name in named:
            return named[name]
        case ast.Constant(value=None):
            return None
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return Union[_evaluated(left, named), _evaluated(right, named)]  # noqa: UP007 # of values, at run time
        case ast.Subscript(value=ast.Name(id="Secret")):
            return Secret
        case ast.Subscript(value=ast.Name(id="Literal"), slice=inner):
            return Literal[tuple(ast.literal_eval(choice) for choice in _arguments(inner))]
        case ast.Subscript(value=ast.Name(id=name), slice=inner) if name in CONTAINERS:
            arguments = tuple(
                ... if isinstance(it, ast.Constant) and it.value is ... else _evaluated(it, named)
                for it in _arguments(inner)
            )
            return types.GenericAlias(CONTAINERS[name], arguments)
        case _:
            raise ValueError(ast.dump(node))


def _arguments(node: ast.expr) -> list[ast.expr]:
    return node.elts if isinstance(node, ast.Tuple) else [node]


def written(annotation: object) -> str:
    """A type as documents write it, the inverse of `python_type` wherever that can say it."""
    if annotation is type(None) or annotation is None:
        return "None"
    for name, named in NAMED.items():
        if annotation is named:
            return name
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return written(arguments[0])
    if origin in (Union, types.UnionType):
        return " | ".join(written(argument) for argument in arguments)
    if origin is Secret:
        return "Secret[str]"
    if origin is Literal:
        return f"Literal[{', '.join(repr(choice) for choice in arguments)}]"
    if isinstance(origin, type) and origin in CONTAINERS.values():
        inner = ("..." if argument is ... else written(argument) for argument in arguments)
        return f"{origin.__name__}[{', '.join(inner)}]"
    if isinstance(annotation, type):
        return f"{annotation.__module__}:{annotation.__qualname__}"
    return str(annotation)


def plain(value: object) -> object:
    """A Python value as documents write it, as far as its class tells: enums by value, code by its reference."""
    match value:
        case Enum():
            return value.value
        case Secret() | CodeRef():
            return str(value)
        case type() | types.FunctionType():
            return str(CodeRef.of(value))
        case _:
            return value
