"""What one Python file says: the digest of its meaning and the imports in it.

Pure but for reading the file; where imported modules lie is `search`.
"""

from __future__ import annotations

import ast
import hashlib
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

from cmcore.components.code.defined import ANYTHING, defined_names
from cmcore.errors import UsageError

IMPORTERS = ("import_module", "__import__")
IMPORTING = (ast.Import, ast.ImportFrom, ast.Call)
MEANINGLESS = ("ctx", "kind", "type_comment", "type_ignores")  # told by position, or by nothing at all


def _reader(kind: type[ast.AST]) -> Callable[[ast.AST], tuple[object, ...]]:
    """What reads the fields of a kind of node that carry meaning, last one first."""
    names = [name for name in reversed(kind._fields) if name not in MEANINGLESS]
    if len(names) == 1:
        single = attrgetter(names[0])
        return lambda node: (single(node),)
    return attrgetter(*names) if names else lambda _: ()


FIELDS = {kind: _reader(kind) for kind in vars(ast).values() if isinstance(kind, type) and issubclass(kind, ast.AST)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One import as it is written: `from ..module import names` has level 2."""

    module: str
    level: int = 0
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """`digest` is blind to comments and formatting; docstrings count, because programs read them (help, prompts).

    `exported` is the literal `__all__`, which is what a star import of a package may import as submodules;
    `defined` are the names that the text binds at its top level.
    """

    digest: str
    imports: tuple[Import, ...] = ()
    exported: tuple[str, ...] = ()
    defined: tuple[str, ...] = (ANYTHING,)


def read_source(path: Path) -> Source:
    """A Python file, or a compiled module by its bytes; raises UsageError where a file is no Python."""
    content = path.read_bytes()
    if path.suffix != ".py":
        return Source(digest=hashlib.sha256(content).hexdigest())
    return parsed(content, file=str(path))


def parsed(content: bytes, *, file: str) -> Source:
    """A Python file's meaning; raises UsageError with the position of what cannot be parsed."""
    try:
        with warnings.catch_warnings(action="ignore"):  # they are for whoever runs the code
            tree = ast.parse(content, filename=file)
    except SyntaxError as error:
        raise UsageError(f"{file}:{error.lineno or 0}: {error.msg}") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise UsageError(f"{file}: cannot be read as Python: {error}") from error
    tokens, importing = _walked(tree)
    return Source(
        digest=hashlib.sha256("\0".join(tokens).encode()).hexdigest(),
        imports=tuple(dict.fromkeys(found for node in importing for found in _imports(node))),
        exported=tuple(_exported(tree)),
        defined=defined_names(tree),
    )


def _walked(tree: ast.Module) -> tuple[list[str], list[ast.AST]]:
    """The tree in writing, in preorder, and the nodes that may import; a stack, because code may nest deeply."""
    tokens: list[str] = []
    importing: list[ast.AST] = []
    pending: list[object] = [tree]
    while pending:
        item = pending.pop()
        if isinstance(item, ast.AST):
            kind = type(item)
            tokens.append(kind.__name__)
            if kind in IMPORTING:
                importing.append(item)
            pending += FIELDS[kind](item)
        elif isinstance(item, list):
            tokens.append(f"[{len(item)}")
            pending += item[::-1]
        else:
            tokens.append(hex(item) if type(item) is int else repr(item))  # repr refuses integers of 4300 digits
    return tokens, importing


def _imports(node: ast.AST) -> Iterator[Import]:
    match node:
        case ast.Import(names=names):
            yield from (Import(module=alias.name) for alias in names)
        case ast.ImportFrom(module=module, names=names, level=level):
            yield Import(module=module or "", level=level, names=tuple(alias.name for alias in names))
        case ast.Call(
            func=ast.Name(id=called) | ast.Attribute(attr=called), args=[ast.Constant(value=str(module)), *_]
        ) if called in IMPORTERS and module:
            absolute = module.lstrip(".")
            yield Import(module=absolute, level=len(module) - len(absolute))


def _exported(tree: ast.Module) -> Iterator[str]:
    for statement in tree.body:
        match statement:
            case (
                ast.Assign(targets=[ast.Name(id="__all__")], value=listed)
                | ast.AnnAssign(target=ast.Name(id="__all__"), value=listed)
                | ast.AugAssign(target=ast.Name(id="__all__"), value=listed)
            ) if isinstance(listed, (ast.List, ast.Tuple)):
                constants = [item.value for item in listed.elts if isinstance(item, ast.Constant)]
                yield from (name for name in constants if isinstance(name, str))
            case _:
                pass
