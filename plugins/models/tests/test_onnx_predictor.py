"""OnnxPredictor over graphs written here: names, ranks, types, missing inputs, files that are none."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from cmcore_models.onnx_predictor import OnnxPredictor, flavor_text, graph_file

from .conftest import column, settings_of, tensor, write_mlmodel

FLAVOR = {"onnx": {"code": None, "data": "model.onnx", "providers": ["CUDAExecutionProvider", "CPUExecutionProvider"]}}
Value = tuple[str, int, Sequence[object]]


def write_graph(
    path: Path,
    nodes: Sequence[tuple[str, Sequence[str], Sequence[str]]],
    inputs: Sequence[Value],
    outputs: Sequence[Value],
) -> None:
    """A graph of plain operators."""
    graph = helper.make_graph(
        [helper.make_node(kind, list(read), list(made)) for kind, read, made in nodes], "graph",
        [helper.make_tensor_value_info(*each) for each in inputs],
        [helper.make_tensor_value_info(*each) for each in outputs],
    )  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9), path)


@pytest.fixture
def predictor_of(tmp_path: Path) -> Callable[..., OnnxPredictor]:
    """Writes a model and loads it."""

    def make(
        nodes: Sequence[tuple[str, Sequence[str], Sequence[str]]], graph_inputs: Sequence[Value],
        graph_outputs: Sequence[Value], inputs: Sequence[object], outputs: Sequence[object],
    ) -> OnnxPredictor:  # fmt: skip
        folder = write_mlmodel(tmp_path / "model", dict(FLAVOR), inputs, outputs)
        write_graph(folder / "model.onnx", nodes, graph_inputs, graph_outputs)
        return OnnxPredictor(folder, settings_of(folder))

    return make


TYPES = [
    ("boolean", TensorProto.BOOL, np.bool_, [True, False]),
    ("integer", TensorProto.INT32, np.int32, [-1, 2**31 - 1]),
    ("long", TensorProto.INT64, np.int64, [2**53 + 1, -(2**63)]),
    ("float", TensorProto.FLOAT, np.float32, [1.5, np.nan]),
    ("double", TensorProto.DOUBLE, np.float64, [1e300, np.nan]),
    ("string", TensorProto.STRING, np.object_, ["São", ""]),
]


@pytest.mark.parametrize(("kind", "proto", "dtype", "values"), TYPES)
@pytest.mark.parametrize("shape", [["rows"], ["rows", 1]])
def test_a_column_of_any_type_goes_through_a_graph_of_either_rank(
    predictor_of: Callable[..., OnnxPredictor],
    kind: str,
    proto: int,
    dtype: type,
    values: list[object],
    shape: list[object],
) -> None:
    made = predictor_of(
        [("Identity", ["x"], ["y"])],
        [("x", proto, shape)],
        [("y", proto, shape)],
        [column(kind, "x")],
        [column(kind, "y")],
    )
    given = np.array(values, dtype=dtype).reshape(2, 1)
    answer = made.predict({"x": given})["y"]
    np.testing.assert_array_equal(answer, given)
    assert (answer.dtype, answer.shape) == (np.dtype(dtype), (2, 1))


def test_tensors_of_several_dimensions_keep_them(predictor_of: Callable[..., OnnxPredictor]) -> None:
    shape = ["rows", 2, 3]
    made = predictor_of(
        [("Neg", ["image"], ["negative"])],
        [("image", TensorProto.FLOAT, shape)], [("negative", TensorProto.FLOAT, shape)],
        [tensor("float32", [-1, 2, 3], "image")], [tensor("float32", [-1, 2, 3], "negative")],
    )  # fmt: skip
    given = np.arange(12, dtype=np.float32).reshape(2, 2, 3)
    np.testing.assert_array_equal(made.predict({"image": given})["negative"], -given)


def test_several_outputs_come_by_name_whatever_their_order(predictor_of: Callable[..., OnnxPredictor]) -> None:
    vector = (TensorProto.FLOAT, ["rows"])
    made = predictor_of(
        [("Neg", ["x"], ["minus"]), ("Abs", ["x"], ["size"]), ("Exp", ["x"], ["unasked"])],
        [("x", *vector)], [("minus", *vector), ("size", *vector), ("unasked", *vector)],
        [column("float", "x")], [column("float", "size"), column("float", "minus")],
    )  # fmt: skip
    answer = made.predict({"x": np.array([[-2.0]], dtype=np.float32)})
    assert {name: array.tolist() for name, array in answer.items()} == {"size": [[2.0]], "minus": [[2.0]]}


def test_a_tensor_without_a_name_is_the_only_one_of_the_graph(predictor_of: Callable[..., OnnxPredictor]) -> None:
    matrix = (TensorProto.FLOAT, ["rows", 2])
    made = predictor_of(
        [("Neg", ["float_input"], ["variable"])], [("float_input", *matrix)], [("variable", *matrix)],
        [tensor("float64", [-1, 2])], [tensor("float64", [-1, 2])],
    )  # fmt: skip
    answer = made.predict({"input_0": np.array([[1.0, 2.0]])})["output_0"]
    assert (answer.tolist(), answer.dtype) == ([[-1.0, -2.0]], np.float64)


def test_tensors_without_names_are_taken_by_position(predictor_of: Callable[..., OnnxPredictor]) -> None:
    vector = (TensorProto.FLOAT, ["rows"])
    made = predictor_of(
        [("Sub", ["a", "b"], ["difference"])], [("a", *vector), ("b", *vector)], [("difference", *vector)],
        [tensor("float32", [-1]), tensor("float32", [-1])], [tensor("float32", [-1])],
    )  # fmt: skip
    inputs = {"input_0": np.array([5], dtype=np.float32), "input_1": np.array([3], dtype=np.float32)}
    assert made.predict(inputs)["output_0"].tolist() == [2.0]


def test_columns_are_stacked_for_a_graph_with_one_matrix(predictor_of: Callable[..., OnnxPredictor]) -> None:
    matrix = (TensorProto.FLOAT, ["rows", 2])
    made = predictor_of(
        [("Neg", ["X"], ["Y"])], [("X", *matrix)], [("Y", *matrix)],
        [column("double", "b"), column("long", "a", required=False)], [tensor("float32", [-1, 2], "Y")],
    )  # fmt: skip
    inputs = {"a": np.array([[1], [2]], dtype=np.int64), "b": np.array([[3.5], [4.5]])}
    assert made.predict(inputs)["Y"].tolist() == [[-3.5, -1], [-4.5, -2]]


@pytest.mark.parametrize(
    ("kind", "proto", "stands"), [("double", TensorProto.DOUBLE, np.nan), ("string", TensorProto.STRING, "")]
)
def test_an_optional_input_that_is_left_out_is_missing(
    predictor_of: Callable[..., OnnxPredictor], kind: str, proto: int, stands: object
) -> None:
    made = predictor_of(
        [("Identity", ["x"], ["y"]), ("Identity", ["n"], ["m"])],
        [("x", proto, ["rows"]), ("n", TensorProto.INT64, ["rows"])],
        [("y", proto, ["rows"]), ("m", TensorProto.INT64, ["rows"])],
        [column(kind, "x", required=False), column("long", "n")], [column(kind, "y"), column("long", "m")],
    )  # fmt: skip
    answer = made.predict({"n": np.array([[1], [2]], dtype=np.int64)})["y"]
    np.testing.assert_array_equal(answer, np.array([[stands], [stands]], dtype=answer.dtype))


def test_a_whole_number_that_was_left_out_is_refused(predictor_of: Callable[..., OnnxPredictor]) -> None:
    vector = (TensorProto.INT64, ["rows"])
    made = predictor_of(
        [("Sub", ["a", "b"], ["c"])], [("a", *vector), ("b", *vector)], [("c", *vector)],
        [column("long", "a"), column("long", "b", required=False)], [column("long", "c")],
    )  # fmt: skip
    with pytest.raises(ValueError, match="'b' was not given, and INT64 has no value that says so"):
        made.predict({"a": np.array([[1]])})


def test_no_rows_are_answered_without_asking_the_graph(predictor_of: Callable[..., OnnxPredictor]) -> None:
    made = predictor_of(
        [("Identity", ["x"], ["y"])], [("x", TensorProto.STRING, ["rows"])], [("y", TensorProto.STRING, ["rows"])],
        [column("string", "x")], [column("string", "y")],
    )  # fmt: skip
    assert made.predict({"x": np.empty((0, 1), dtype=object)})["y"].shape == (0, 1)


def test_a_graph_that_names_its_inputs_otherwise_is_refused(predictor_of: Callable[..., OnnxPredictor]) -> None:
    vector = (TensorProto.FLOAT, ["rows"])
    with pytest.raises(ValueError, match=r"no input age, weight; it has a, b; inputs of the graph that nothing is for"):
        predictor_of(
            [("Sub", ["a", "b"], ["c"])], [("a", *vector), ("b", *vector)], [("c", *vector)],
            [column("float", "age"), column("float", "weight")], [column("float", "c")],
        )  # fmt: skip


def test_an_output_of_another_size_is_told(predictor_of: Callable[..., OnnxPredictor]) -> None:
    made = predictor_of(
        [("Neg", ["x"], ["y"])], [("x", TensorProto.FLOAT, ["rows", 2])], [("y", TensorProto.FLOAT, ["rows", 2])],
        [tensor("float32", [-1, 2], "x")], [column("float", "y")],
    )  # fmt: skip
    with pytest.raises(ValueError, match=r"output 'y' has the shape \[3, 2\], and \[3, 1\] is promised"):
        made.predict({"x": np.zeros((3, 2), dtype=np.float32)})


def test_a_broken_file_says_so(tmp_path: Path) -> None:
    folder = write_mlmodel(tmp_path, dict(FLAVOR), [column("float", "x")], [column("float", "y")])
    (folder / "model.onnx").write_bytes(b"no graph")
    with pytest.raises(Exception, match=r"model\.onnx failed"):
        OnnxPredictor(folder, settings_of(folder))


def test_a_graph_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    folder = write_mlmodel(tmp_path, dict(FLAVOR), [column("float", "x")], [column("float", "y")])
    (folder / "other.onnx").touch()
    with pytest.raises(ValueError, match=r"model\.onnx does not exist; graphs in the folder: other\.onnx"):
        graph_file(folder)


def test_a_graph_outside_the_folder_is_refused(tmp_path: Path) -> None:
    folder = write_mlmodel(tmp_path / "model", {"onnx": {"data": "../model.onnx"}}, [], [])
    with pytest.raises(ValueError, match="outside its folder"):
        graph_file(folder)


@pytest.mark.parametrize("text", ["flavors: {onnx: {data: x}}\n", "\x00", ""])
def test_an_mlmodel_of_another_spelling_leaves_the_only_graph(tmp_path: Path, text: str) -> None:
    (tmp_path / "MLmodel").write_text(text)
    (tmp_path / "net.onnx").touch()
    assert graph_file(tmp_path).name == "net.onnx"


def test_the_flavor_is_found_between_others(trained: tuple[object, object], tmp_path: Path) -> None:
    shutil.copy(trained[0].path / "MLmodel", tmp_path)  # type: ignore[attr-defined] # the session's model
    assert flavor_text(tmp_path).splitlines()[1] == "    data: model.onnx"
    assert "python_version" not in flavor_text(tmp_path)


@pytest.mark.parametrize("zipmap", [True, False])
def test_probabilities_of_a_converted_classifier_are_a_matrix(tmp_path: Path, zipmap: bool) -> None:
    from skl2onnx import to_onnx
    from sklearn.linear_model import LogisticRegression

    random = np.random.default_rng(0)
    features, labels = random.normal(size=(60, 3)).astype(np.float32), np.arange(60) % 3
    model = LogisticRegression().fit(features, labels)
    outputs = [tensor("int64", [-1], "output_label"), tensor("float32", [-1, 3], "output_probability")]
    folder = write_mlmodel(tmp_path, dict(FLAVOR), [tensor("float32", [-1, 3], "X")], outputs)
    graph = to_onnx(model, features[:1], options={id(model): {"zipmap": zipmap}})
    (folder / "model.onnx").write_bytes(renamed(graph).SerializeToString())
    answer = OnnxPredictor(folder, settings_of(folder)).predict({"X": features})
    np.testing.assert_allclose(answer["output_probability"], model.predict_proba(features), atol=1e-6)
    np.testing.assert_array_equal(answer["output_label"], model.predict(features))


def renamed(graph: onnx.ModelProto) -> onnx.ModelProto:
    """The graph with the output names that the converter gives where it makes dicts."""
    names = dict(zip([it.name for it in graph.graph.output], ["output_label", "output_probability"], strict=True))
    for node in graph.graph.node:
        node.output[:] = [names.get(name, name) for name in node.output]
        node.input[:] = [names.get(name, name) for name in node.input]
    for output in graph.graph.output:
        output.name = names[output.name]
    return graph
