"""What each operation means, once in NumPy and once in ONNX, side by side: the two must never differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from cmcore_tabular.errors import TabularError
from cmcore_tabular.sketches import Floats
from cmcore_tabular.transform.expressions import Call, Column, Constant, Expression

GRID = float(2**30)


class OnnxNodes(Protocol):
    """What an operation needs to write itself as ONNX: tensors are named, all of them 64-bit floats of shape [rows]."""

    def node(self, kind: str, *inputs: str) -> str:
        """Add a node, return its output."""
        ...

    def number(self, value: float) -> str:
        """A constant."""
        ...

    def truth(self, name: str) -> str:
        """A number as a boolean: everything but 0, missing included, is true."""
        ...

    def from_truth(self, name: str) -> str:
        """A boolean as 1 or 0."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """An operation on numbers: how many it takes and its two meanings."""

    arity: int
    numpy: Callable[..., Floats]
    onnx: Callable[..., str]


def _plain(kind: str) -> Callable[..., str]:
    return lambda nodes, *inputs: nodes.node(kind, *inputs)


def _comparison(kind: str) -> Callable[..., str]:
    return lambda nodes, a, b: nodes.from_truth(nodes.node(kind, a, b))


def _logic(kind: str) -> Callable[..., str]:
    return lambda nodes, *inputs: nodes.from_truth(nodes.node(kind, *(nodes.truth(each) for each in inputs)))


def _mod_onnx(nodes: OnnxNodes, a: str, b: str) -> str:
    return nodes.node("Sub", a, nodes.node("Mul", nodes.node("Floor", nodes.node("Div", a, b)), b))


def _where_onnx(nodes: OnnxNodes, condition: str, yes: str, no: str) -> str:
    return nodes.node("Where", nodes.truth(condition), yes, no)


def _smaller_onnx(nodes: OnnxNodes, a: str, b: str) -> str:
    return nodes.node("Where", nodes.node("Less", a, b), a, b)


def _larger_onnx(nodes: OnnxNodes, a: str, b: str) -> str:
    return nodes.node("Where", nodes.node("Greater", a, b), a, b)


def _grid_onnx(kind: str) -> Callable[..., str]:
    def write(nodes: OnnxNodes, a: str) -> str:
        steps = nodes.node("Mul", nodes.node(kind, a), nodes.number(GRID))
        return nodes.node("Div", nodes.node("Floor", nodes.node("Add", steps, nodes.number(0.5))), nodes.number(GRID))

    return write


def _on_grid(values: Floats) -> Floats:
    rounded: Floats = np.floor(values * GRID + 0.5) / GRID
    return rounded


def _smaller(a: Floats, b: Floats) -> Floats:
    return np.asarray(np.where(a < b, a, b), dtype=np.float64)


def _larger(a: Floats, b: Floats) -> Floats:
    return np.asarray(np.where(a > b, a, b), dtype=np.float64)


def _where(condition: Floats, yes: Floats, no: Floats) -> Floats:
    return np.asarray(np.where(condition != 0, yes, no), dtype=np.float64)


def _as_float(truth: object) -> Floats:
    return np.asarray(truth, dtype=np.float64)


OPERATIONS: Mapping[str, Operation] = {
    "add": Operation(arity=2, numpy=np.add, onnx=_plain("Add")),
    "sub": Operation(arity=2, numpy=np.subtract, onnx=_plain("Sub")),
    "mul": Operation(arity=2, numpy=np.multiply, onnx=_plain("Mul")),
    "div": Operation(arity=2, numpy=np.divide, onnx=_plain("Div")),
    "mod": Operation(arity=2, numpy=lambda a, b: a - np.floor(a / b) * b, onnx=_mod_onnx),
    "neg": Operation(arity=1, numpy=np.negative, onnx=_plain("Neg")),
    "abs": Operation(arity=1, numpy=np.abs, onnx=_plain("Abs")),
    "floor": Operation(arity=1, numpy=np.floor, onnx=_plain("Floor")),
    "sqrt": Operation(arity=1, numpy=np.sqrt, onnx=_plain("Sqrt")),
    "exp": Operation(arity=1, numpy=np.exp, onnx=_plain("Exp")),
    "log": Operation(arity=1, numpy=np.log, onnx=_plain("Log")),
    # NumPy and onnxruntime differ in the last bits, and a tree may cut between 1e-16 and 2e-16: both go to one grid.
    "sin": Operation(arity=1, numpy=lambda a: _on_grid(np.sin(a)), onnx=_grid_onnx("Sin")),
    "cos": Operation(arity=1, numpy=lambda a: _on_grid(np.cos(a)), onnx=_grid_onnx("Cos")),
    # Not np.minimum and ONNX's Min: those disagree on NaN. Here the second argument wins where either is missing.
    "smaller": Operation(arity=2, numpy=_smaller, onnx=_smaller_onnx),
    "larger": Operation(arity=2, numpy=_larger, onnx=_larger_onnx),
    "lt": Operation(arity=2, numpy=lambda a, b: _as_float(a < b), onnx=_comparison("Less")),
    "le": Operation(arity=2, numpy=lambda a, b: _as_float(a <= b), onnx=_comparison("LessOrEqual")),
    "gt": Operation(arity=2, numpy=lambda a, b: _as_float(a > b), onnx=_comparison("Greater")),
    "ge": Operation(arity=2, numpy=lambda a, b: _as_float(a >= b), onnx=_comparison("GreaterOrEqual")),
    "eq": Operation(arity=2, numpy=lambda a, b: _as_float(a == b), onnx=_comparison("Equal")),
    "and": Operation(arity=2, numpy=lambda a, b: _as_float((a != 0) & (b != 0)), onnx=_logic("And")),
    "or": Operation(arity=2, numpy=lambda a, b: _as_float((a != 0) | (b != 0)), onnx=_logic("Or")),
    "not": Operation(arity=1, numpy=lambda a: _as_float(a == 0), onnx=_logic("Not")),
    "is_missing": Operation(
        arity=1, numpy=lambda a: _as_float(np.isnan(a)), onnx=lambda nodes, a: nodes.from_truth(nodes.node("IsNaN", a))
    ),
    "where": Operation(arity=3, numpy=_where, onnx=_where_onnx),
}


def is_text(expression: Expression, text_columns: frozenset[str]) -> bool:
    """Whether an expression gives text; raises TabularError where its parts do not fit together."""
    match expression:
        case Column(name=name):
            return name in text_columns
        case Constant(value=value):
            return isinstance(value, str)
        case Call(operation="eq", arguments=(left, Constant(value=str()))) if is_text(left, text_columns):
            if not isinstance(left, Column):
                raise TabularError("a text comparison needs a column on its left and a constant on its right")
            return False
        case Call(operation=name, arguments=arguments):
            _check_call(name, arguments)
            if any(is_text(argument, text_columns) for argument in arguments):
                raise TabularError(f"{name} takes numbers, but was given text; compare text with eq and a constant")
            return False
    raise TabularError(f"{expression!r} is not an expression")


def _check_call(name: str, arguments: Sequence[Expression]) -> None:
    if name not in OPERATIONS:
        raise TabularError(f"no operation is called {name!r}; there are {', '.join(OPERATIONS)}")
    if len(arguments) != OPERATIONS[name].arity:
        raise TabularError(f"{name} takes {OPERATIONS[name].arity} arguments, not {len(arguments)}")
