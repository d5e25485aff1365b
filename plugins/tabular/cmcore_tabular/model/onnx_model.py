"""The ONNX form: transform and estimator in one graph, from raw columns to the probability of label 1."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import polars as pl
import skl2onnx
from onnx import TensorProto, helper
from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidGraph
from onnxruntime.capi.onnxruntime_pybind11_state import NotImplemented as NotSupported
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
from sklearn.base import ClassifierMixin

from cmcore_tabular.errors import TabularError
from cmcore_tabular.transform.graph import FittedTransform, RawType
from cmcore_tabular.transform.onnx_graph import ML_DOMAIN, TransformWriter

OPSET, ML_OPSET, IR_VERSION = 19, 3, 9
OUTPUT = "probability"
FEATURES = "features"
BATCH_ROWS = 65_536

LOAD_ERRORS = (Fail, InvalidGraph, NotSupported)
Probabilities = npt.NDArray[np.float64]


def onnx_model(transform: FittedTransform, estimator: ClassifierMixin) -> onnx.ModelProto:
    """The whole model; equal inputs give equal bytes. Raises TabularError where the estimator cannot be converted.

    The estimator computes in 64 bits where onnxruntime can; its trees know 32 only.
    """
    model = _whole_model(transform, estimator, TensorProto.DOUBLE)
    try:
        OnnxScorer(model.SerializeToString())
    except LOAD_ERRORS:
        model = _whole_model(transform, estimator, TensorProto.FLOAT)
    onnx.checker.check_model(model, full_check=True)
    return model


def _whole_model(transform: FittedTransform, estimator: ClassifierMixin, kind: int) -> onnx.ModelProto:
    writer = TransformWriter(transform)
    nodes = writer.nodes
    features = helper.make_node("Cast", [writer.features()], [FEATURES], name="to_estimator", to=kind)
    converted = _convert(estimator, len(transform.output_names()), kind)
    one = nodes.constant(np.array(1, dtype=np.int64))
    last = [
        helper.make_node("Gather", [converted.output[1].name, one], ["positive"], name="positive", axis=1),
        helper.make_node("Cast", ["positive"], [OUTPUT], name="answer", to=TensorProto.FLOAT),
    ]
    output = helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["rows"])
    graph = helper.make_graph(
        [*nodes.nodes, features, *converted.node, *last], "raw_to_probability", writer.inputs(), [output],
        initializer=[*nodes.initializers, *converted.initializer],
    )  # fmt: skip
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(ML_DOMAIN, ML_OPSET)]
    return helper.make_model(graph, producer_name="cmcore_tabular", opset_imports=opsets, ir_version=IR_VERSION)


def _convert(estimator: ClassifierMixin, columns: int, kind: int) -> onnx.GraphProto:
    tensor = DoubleTensorType if kind == TensorProto.DOUBLE else FloatTensorType
    try:
        model = skl2onnx.to_onnx(
            estimator, initial_types=[(FEATURES, tensor([None, columns]))],
            options={id(estimator): {"zipmap": False}}, target_opset={"": OPSET, ML_DOMAIN: ML_OPSET},
        )  # fmt: skip
    except Exception as error:
        name = type(estimator).__name__
        raise TabularError(f"{name} cannot be converted to ONNX by skl2onnx {skl2onnx.__version__}: {error}") from error
    graph: onnx.GraphProto = model.graph
    return graph


class OnnxScorer:
    """Asks an ONNX model for probabilities, single-threaded, so that equal rows always give equal bits."""

    def __init__(self, model: Path | bytes) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        content = model if isinstance(model, bytes) else model.read_bytes()
        self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def probabilities(self, transform: FittedTransform, rows: pl.DataFrame) -> Probabilities:
        """The probability of label 1 for each row of a frame of raw columns."""
        raw = transform.raw_columns(rows)
        types = {column.name: column.type for column in transform.inputs}
        parts = [np.empty(0)]
        for start in range(0, rows.height, BATCH_ROWS):
            feed = {name: feed_array(values[start : start + BATCH_ROWS], types[name]) for name, values in raw.items()}
            parts.append(self._session.run([OUTPUT], feed)[0].astype(np.float64))
        return np.concatenate(parts)


def feed_array(values: pl.Series, kind: RawType) -> npt.NDArray[np.generic]:
    """A raw column as onnxruntime takes it."""
    if kind is RawType.STRING:
        return np.array(values.to_list(), dtype=object)
    return values.to_numpy()
