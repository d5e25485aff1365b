"""A fitted transform as ONNX nodes: an input per raw column, one matrix of features. `graph` is the same in NumPy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from cmcore_tabular.errors import TabularError
from cmcore_tabular.transform.expressions import Call, Column, Constant, Expression
from cmcore_tabular.transform.graph import (
    FittedFeature,
    FittedNumeric,
    FittedOneHot,
    FittedOrdinal,
    FittedTransform,
    RawType,
)
from cmcore_tabular.transform.operations import OPERATIONS

INPUT_TYPES = {
    RawType.DOUBLE: TensorProto.DOUBLE,
    RawType.LONG: TensorProto.INT64,
    RawType.STRING: TensorProto.STRING,
}
ML_DOMAIN = "ai.onnx.ml"
Attribute = int | list[int] | list[str]


class NodeWriter:
    """Collects nodes and constants under names that depend on nothing but their order."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self._constants: dict[tuple[str, bytes, tuple[int, ...]], str] = {}

    def node(self, kind: str, *inputs: str, domain: str = "", **attributes: Attribute) -> str:
        """Add a node, return its output."""
        output = f"t{len(self.nodes)}"
        self.nodes.append(
            helper.make_node(kind, list(inputs), [output], f"n{output}", None, domain, None, **attributes)
        )
        return output

    def constant(self, value: npt.NDArray[np.generic]) -> str:
        """A constant tensor; equal ones are stored once."""
        key = (str(value.dtype), value.tobytes(), value.shape)
        if key not in self._constants:
            self._constants[key] = f"c{len(self._constants)}"
            self.initializers.append(numpy_helper.from_array(value, self._constants[key]))
        return self._constants[key]

    def number(self, value: float) -> str:
        """A constant number, for every row."""
        return self.constant(np.array([value], dtype=np.float64))

    def cast(self, name: str, kind: int) -> str:
        """A tensor in another element type."""
        return self.node("Cast", name, to=kind)

    def truth(self, name: str) -> str:
        """A number as a boolean: everything but 0 is true."""
        return self.node("Not", self.node("Equal", name, self.number(0.0)))

    def from_truth(self, name: str) -> str:
        """A boolean as 1 or 0."""
        return self.cast(name, TensorProto.DOUBLE)

    def as_column(self, name: str) -> str:
        """A tensor of shape [rows] as [rows, 1]."""
        return self.node("Unsqueeze", name, self.constant(np.array([1], dtype=np.int64)))

    def text_codes(self, name: str, categories: Sequence[str]) -> str:
        """The position of each text among the categories; -1 where it is none of them."""
        return self.node(
            "LabelEncoder", name, domain=ML_DOMAIN, keys_strings=list(categories),
            values_int64s=list(range(len(categories))), default_int64=-1,
        )  # fmt: skip


class TransformWriter:
    """Writes one transform; raw columns are read once."""

    def __init__(self, transform: FittedTransform) -> None:
        self.nodes = NodeWriter()
        self._transform = transform
        self._types = {column.name: column.type for column in transform.inputs}
        self._doubles: dict[str, str] = {}

    def inputs(self) -> list[onnx.ValueInfoProto]:
        """One input of shape [rows] per raw column."""
        return [
            helper.make_tensor_value_info(column.name, INPUT_TYPES[column.type], ["rows"])
            for column in self._transform.inputs
        ]

    def features(self) -> str:
        """Write every feature; the tensor of shape [rows, features] that they make."""
        parts = [self._feature(feature) for feature in self._transform.features]
        return self.nodes.node("Concat", *parts, axis=1)

    def _feature(self, feature: FittedFeature) -> str:
        match feature:
            case FittedNumeric():
                return self._numeric(feature)
            case FittedOneHot():
                return self._one_hot(feature)
            case FittedOrdinal():
                codes = self.nodes.text_codes(self._text(feature.value), feature.categories)
                return self._matrix(self.nodes.as_column(codes))

    def _numeric(self, feature: FittedNumeric) -> str:
        nodes = self.nodes
        value = self._number(feature.value)
        filled = value
        if feature.fill is not None:
            filled = nodes.node("Where", nodes.node("IsNaN", value), nodes.number(feature.fill), value)
        scaled = nodes.node("Div", nodes.node("Sub", filled, nodes.number(feature.center)), nodes.number(feature.scale))
        columns = [self._matrix(nodes.as_column(scaled))]
        if feature.indicator:
            columns.append(self._matrix(nodes.as_column(nodes.node("IsNaN", value))))
        return nodes.node("Concat", *columns, axis=1) if len(columns) > 1 else columns[0]

    def _one_hot(self, feature: FittedOneHot) -> str:
        nodes = self.nodes
        if any(isinstance(category, str) for category in feature.categories):
            texts = [str(category) for category in feature.categories]
            codes = nodes.text_codes(self._text(feature.value), texts)
            unknown = [-1] if feature.other else []  # the code of every unknown text; its column is the last
            positions = np.array([[*range(len(texts)), *unknown]], dtype=np.int64)
            return self._matrix(nodes.node("Equal", nodes.as_column(codes), nodes.constant(positions)))
        value = nodes.as_column(self._number(feature.value))
        targets = np.array(feature.categories, dtype=np.float64)[None, :]
        known = self._matrix(nodes.node("Equal", value, nodes.constant(targets)))
        if not feature.other:
            return known
        axis = nodes.constant(np.array([1], dtype=np.int64))
        hits = nodes.node("ReduceMax", known, axis, keepdims=1)
        return nodes.node(
            "Concat", known, nodes.node("Sub", nodes.constant(np.ones(1, dtype=np.float32)), hits), axis=1
        )

    def _matrix(self, name: str) -> str:
        return self.nodes.cast(name, TensorProto.FLOAT)

    def _text(self, expression: Expression) -> str:
        if not isinstance(expression, Column):
            raise TabularError("a category of text must be a column")
        return expression.name

    def _number(self, expression: Expression) -> str:
        match expression:
            case Column(name=name):
                return self._double(name)
            case Constant(value=value):
                return self._everywhere(float(value))
            case Call(operation="eq", arguments=(Column(name=name), Constant(value=str(text)))):
                codes = self.nodes.text_codes(name, [text])
                zero = self.nodes.constant(np.array([0], dtype=np.int64))
                return self.nodes.from_truth(self.nodes.node("Equal", codes, zero))
            case Call(operation=operation, arguments=arguments):
                return OPERATIONS[operation].onnx(self.nodes, *(self._argument(argument) for argument in arguments))
        raise TabularError(f"{expression!r} is not a numeric expression")

    def _argument(self, expression: Expression) -> str:
        if isinstance(expression, Constant):
            return self.nodes.number(float(expression.value))  # broadcast by the operation
        return self._number(expression)

    def _double(self, name: str) -> str:
        if self._types[name] is RawType.DOUBLE:
            return name
        if name not in self._doubles:
            self._doubles[name] = self.nodes.cast(name, TensorProto.DOUBLE)
        return self._doubles[name]

    def _everywhere(self, value: float) -> str:
        shape = self.nodes.node("Shape", self._transform.inputs[0].name)
        return self.nodes.node("Expand", self.nodes.number(value), shape)
