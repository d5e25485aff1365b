"""Interfaces out of `MLmodel` files: what MLflow writes, and what somebody might have written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from cmcore.errors import UsageError
from cmcore.inference.datatype import DataType
from cmcore.inference.interface import MODEL_FILE, MODEL_FILE_BYTES, Interface, read_model
from cmcore.inference.tensor import TensorSpec

COLUMN: JsonValue = [{"type": "double", "name": "x", "required": True}]
BOMB = "\n".join(
    ["a0: &a0 [x, x]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}, *a{n - 1}]" for n in range(1, 40))]
)


def model(folder: Path, inputs: JsonValue = COLUMN, outputs: JsonValue = COLUMN) -> Path:
    """A folder with that signature, as MLflow writes it: JSON in strings."""
    signature = {"inputs": json.dumps(inputs), "outputs": json.dumps(outputs), "params": None}
    document = {"flavors": {"onnx": {}, "python_function": {}}, "signature": signature}
    (folder / MODEL_FILE).write_text(yaml.safe_dump(document), encoding="utf-8")
    return folder


def tensor(name: str | None, dtype: JsonValue, shape: JsonValue, **more: JsonValue) -> JsonValue:
    """An entry of a tensor."""
    named: dict[str, JsonValue] = {"name": name} if name else {}
    return {**named, "type": "tensor", "tensor-spec": {"dtype": dtype, "shape": shape}, **more}


def interface(folder: Path) -> Interface:
    """The interface of a folder that has one."""
    found = read_model(folder).interface
    assert found is not None
    return found


def test_a_column_is_one_element_per_row(tmp_path: Path) -> None:
    spec = TensorSpec(name="x", datatype=DataType.FP64, shape=(1,))
    assert interface(model(tmp_path)) == Interface(inputs=(spec,), outputs=(spec,), batched=True)


@pytest.mark.parametrize(
    ("kind", "datatype"),
    [("boolean", "BOOL"), ("integer", "INT32"), ("long", "INT64"), ("float", "FP32"), ("string", "BYTES")],
)
def test_a_column_has_the_datatype_of_its_type(tmp_path: Path, kind: str, datatype: str) -> None:
    assert interface(model(tmp_path, [{"type": kind, "name": "x"}])).inputs[0].datatype == datatype


def test_a_column_that_is_not_required_is_optional(tmp_path: Path) -> None:
    assert interface(model(tmp_path, [{"type": "long", "name": "x", "required": False}])).inputs[0].optional


def test_a_tensor_that_is_not_required_is_optional(tmp_path: Path) -> None:
    assert interface(model(tmp_path, [tensor("x", "float32", [-1, 2], required=False)])).inputs[0].optional


def test_a_first_dimension_of_any_size_is_that_of_the_rows(tmp_path: Path) -> None:
    found = interface(model(tmp_path, [tensor("x", "float32", [-1, 3, -1])]))
    assert (found.batched, found.inputs[0].shape) == (True, (3, -1))


def test_a_tensor_without_rows_makes_the_whole_interface_one_without(tmp_path: Path) -> None:
    found = interface(model(tmp_path, [tensor("x", "float32", [-1, 3])], [tensor("y", "float32", [2])]))
    assert (found.batched, found.inputs[0].shape, found.outputs[0].shape) == (False, (-1, 3), (2,))


def test_tensors_without_names_are_numbered(tmp_path: Path) -> None:
    found = interface(model(tmp_path, [tensor(None, "float32", [-1]), tensor(None, "int64", [-1])]))
    assert [spec.name for spec in found.inputs] == ["input_0", "input_1"]


def test_a_signature_without_json_in_strings_is_read_as_well(tmp_path: Path) -> None:
    document = {"flavors": {"onnx": {}}, "signature": {"inputs": COLUMN, "outputs": COLUMN}}
    (tmp_path / MODEL_FILE).write_text(yaml.safe_dump(document))
    assert interface(tmp_path).inputs[0].name == "x"


def test_the_flavors_are_in_the_order_of_the_file(tmp_path: Path) -> None:
    (tmp_path / MODEL_FILE).write_text("flavors: {sklearn: {}, onnx: {}, python_function: {}}\n")
    assert read_model(tmp_path).flavors == ("sklearn", "onnx", "python_function")


def test_a_model_without_a_signature_has_no_interface(tmp_path: Path) -> None:
    (tmp_path / MODEL_FILE).write_text("flavors: {onnx: {}}\n")
    assert read_model(tmp_path).interface is None


def test_an_input_that_there_is_not_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no input 'q'; it has x"):
        interface(model(tmp_path)).input("q")


@pytest.mark.parametrize(
    "inputs",
    [
        [{"type": "array", "items": {"type": "double"}, "name": "x"}],
        [{"type": "object", "properties": {}, "name": "x"}],
        [{"type": "any", "name": "x"}],
        [{"name": "x"}],
        [{"type": ["double"], "name": "x"}],
        [{"type": "double", "name": ["x"]}],
        [{"type": "double", "name": "x" * 1001}],
        [{"type": "double", "name": True}],
        [*[{"type": "double", "name": "x"}] * 2],
        [tensor("x", "complex128", [-1])],
        [tensor("x", "datetime64[ns]", [-1])],
        [tensor("x", None, [-1])],
        [tensor("x", {"a": 1}, [-1])],
        [tensor("x", "float32", "[-1]")],
        [tensor("x", "float32", None)],
        [tensor("x", "float32", [-2])],
        [tensor("x", "float32", [1.5])],
        [tensor("x", "float32", ["-1"])],
        [tensor("x", "float32", [True])],
        [tensor("x", "float32", [2**31])],
        [{"type": "tensor", "name": "x"}],
        [{"type": "tensor", "name": "x", "tensor-spec": [1]}],
        [],
        {},
        None,
        7,
        "x",
        [7],
        [None],
        [[]],
    ],
    ids=str,
)
@pytest.mark.parametrize("side", ["inputs", "outputs"])
def test_a_signature_that_no_tensor_can_have_is_refused(tmp_path: Path, inputs: JsonValue, side: str) -> None:
    with pytest.raises(UsageError, match="MLmodel"):
        read_model(model(tmp_path, **{side: inputs}))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"7",
        b"[]",
        b"flavors: 7",
        b"flavors: null",
        b"flavors: [onnx]",
        b"flavors: {",
        b"\xff\xfe\x00",
        b"flavors: !!python/object/apply:os.system ['true']",
        b"flavors: {a: 2001-99-99}",
        b"flavors: {a: !!timestamp odd}",
        b"flavors: {a: !!int ''}",
        b"flavors: {a: !!bool odd}",
        b"flavors: {a: !!float odd}",
        b"flavors: {? [a] : 1}",
        b"flavors: {<<: 3}",
        b"flavors: *nobody",
        b"flavors: {a: " + b"[" * 5000 + b"]" * 5000 + b"}",
        b"flavors: {a: 1" + b"0" * 5000 + b"}",
        b"\x00",
    ],
    ids=lambda text: str(text[:40]),
)
def test_a_file_that_is_no_description_of_a_model_is_refused(tmp_path: Path, text: bytes) -> None:
    (tmp_path / MODEL_FILE).write_bytes(text)
    with pytest.raises(UsageError, match="MLmodel"):
        read_model(tmp_path)


def test_a_folder_without_a_description_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no model in MLflow's layout"):
        read_model(tmp_path)


def test_a_folder_in_place_of_the_description_is_no_model(tmp_path: Path) -> None:
    (tmp_path / MODEL_FILE).mkdir()
    with pytest.raises(UsageError, match="no model in MLflow's layout"):
        read_model(tmp_path)


def test_a_description_of_more_than_a_megabyte_is_refused_unread(tmp_path: Path) -> None:
    (tmp_path / MODEL_FILE).write_bytes(b"flavors: {onnx: {}}\n#" + b"x" * MODEL_FILE_BYTES)
    with pytest.raises(UsageError, match="more than 1,000,000 bytes"):
        read_model(tmp_path)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("place", ["name: *a39, type: double", "name: x, type: *a39"])
def test_aliases_that_would_fill_all_memory_are_refused(tmp_path: Path, place: str) -> None:
    signature = f"signature: {{inputs: [{{{place}}}], outputs: [{{name: y, type: double}}]}}"
    (tmp_path / MODEL_FILE).write_text(f"{BOMB}\nflavors: {{onnx: {{}}}}\n{signature}\n")
    with pytest.raises(UsageError, match="no text of at most"):
        read_model(tmp_path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode)))
def test_whatever_stands_in_the_file_it_is_a_model_or_refused(tmp_path: Path, text: bytes) -> None:
    (tmp_path / MODEL_FILE).write_bytes(text)
    with pytest.raises(UsageError):
        read_model(tmp_path)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.sampled_from(["double", "tensor", "x", ""])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["name", "type", "tensor-spec", "shape", "dtype", "required"]), inner),
    ),
    max_leaves=12,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(inputs=JSON, outputs=JSON)
def test_whatever_the_signature_says_it_makes_an_interface_or_is_refused(
    tmp_path: Path, inputs: JsonValue, outputs: JsonValue
) -> None:
    assert interface_or_refusal(model(tmp_path, inputs, outputs))


def interface_or_refusal(folder: Path) -> Interface | UsageError | None:
    """What comes of a folder."""
    try:
        return read_model(folder).interface
    except UsageError as error:
        return error
