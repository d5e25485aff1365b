"""Which names a module's own text binds at its top level, as far as reading can tell. Nothing is executed."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

ANYTHING = "*"  # a star import or a module-level __getattr__: reading cannot tell


def defined_names(tree: ast.Module) -> tuple[str, ...]:
    """The names in order of appearance; `*` among them means that there may be others."""
    return tuple(dict.fromkeys(_bound(tree.body)))


def _bound(statements: Iterable[ast.stmt]) -> Iterator[str]:
    for statement in statements:
        match statement:
            case ast.FunctionDef(name="__getattr__"):
                yield ANYTHING
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                yield from ((alias.asname or alias.name).partition(".")[0] for alias in names)
            case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
                yield from _stored(statement)
            case _:
                yield from _stored(statement)
                yield from _bound(_inner(statement))


def _inner(statement: ast.stmt) -> Iterator[ast.stmt]:
    """The statements inside a compound one: `if`, `try`, `with`, `for`, `while`, `match`."""
    for child in ast.iter_child_nodes(statement):
        if isinstance(child, ast.stmt):
            yield child
        elif isinstance(child, ast.ExceptHandler | ast.match_case):
            yield from child.body


def _stored(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement's own targets bind; those of inner statements come again, which does no harm."""
    return (node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
