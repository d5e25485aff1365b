"""A configuration that is given wins, as long as it does not contradict the model."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import JsonValue

from cmcore.errors import ModelRefusedError
from cmcore.inference.interface import Interface
from cmcore.serving.backend import Placement
from cmcore_triton.config import Runner, model_config
from cmcore_triton.given_config import given, merged

POINTER = "$.inference.server_config"
OUTPUT: JsonValue = [{"name": "delayed", "dataType": "TYPE_FP32", "dims": [1]}]
CONTRADICTIONS: dict[str, tuple[str | dict[str, JsonValue], str]] = {
    "another name": ({"name": "flights"}, f"{POINTER}.name"),
    "an unknown input": ({"input": [{"name": "q", "dataType": "TYPE_FP64", "dims": [1]}]}, f"{POINTER}.input[0].name"),
    "another datatype": (
        "input { name: 'distance' data_type: TYPE_INT64 dims: 1 }\n", f"{POINTER}.input[0].data_type",
    ),
    "other dims": ("output { name: 'delayed' data_type: TYPE_FP32 dims: 2 }\n", f"{POINTER}.output[0].dims"),
    "an input left out": ({"input": [{"name": "carrier", "dataType": "TYPE_STRING", "dims": [1]}]}, f"{POINTER}.input"),
}  # fmt: skip
NONSENSE: dict[str, str | dict[str, JsonValue]] = {
    "no field": "max_batch: 3\n", "no JSON": "{max", "no key": {"maxBatch": 3}, "no number": {"max_batch_size": "many"},
    "no file": "config.pbtxt",
}  # fmt: skip


@pytest.mark.parametrize("case", sorted(CONTRADICTIONS))
def test_a_contradiction_is_refused_with_its_place(case: str, placement: Placement) -> None:
    raw, pointer = CONTRADICTIONS[case]
    with pytest.raises(ModelRefusedError) as caught:
        merged(model_config(placement, Runner.PYTHON), given(raw, placement.folder), placement)
    assert f"@ {pointer}" in str(caught.value)


@pytest.mark.parametrize("case", sorted(NONSENSE))
def test_what_is_no_configuration_is_refused(case: str, tmp_path: Path) -> None:
    with pytest.raises(ModelRefusedError, match=r"\$\.inference\.server_config"):
        given(NONSENSE[case], tmp_path)


def test_batching_of_a_model_without_rows_is_refused(placement: Placement) -> None:
    interface = placement.interface
    whole = Interface(inputs=interface.inputs, outputs=interface.outputs, batched=False)
    unbatched = placement.model_copy(update={"interface": whole})
    with pytest.raises(ModelRefusedError, match="cannot be batched"):
        merged(model_config(unbatched, Runner.PYTHON), given({"max_batch_size": 8}, placement.folder), unbatched)


@pytest.mark.parametrize(
    "raw", ["max_batch_size: 7\n", '{"max_batch_size": 7}', {"max_batch_size": 7}, {"maxBatchSize": 7}], ids=repr
)
def test_a_configuration_can_be_text_or_json_or_a_mapping(raw: str | dict[str, JsonValue], tmp_path: Path) -> None:
    assert given(raw, tmp_path).max_batch_size == 7


@pytest.mark.parametrize(("name", "text"), [("a.pbtxt", "max_batch_size: 7"), ("a.json", '{"max_batch_size": 7}')])
def test_a_configuration_can_be_a_file_of_the_model(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert given(name, tmp_path).max_batch_size == 7


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.pbtxt")
    with pytest.raises(ModelRefusedError, match=r"no regular file @ \$\.inference\.server_config"):
        given("config.pbtxt", tmp_path)


def test_what_is_given_wins(placement: Placement) -> None:
    raw = "max_batch_size: 7\ninstance_group { count: 3 kind: KIND_CPU }\n"
    config = merged(model_config(placement, Runner.PYTHON), given(raw, placement.folder), placement)
    assert (config.max_batch_size, [group.count for group in config.instance_group]) == (7, [3])


def test_what_is_not_given_stays(placement: Placement) -> None:
    raw: dict[str, JsonValue] = {"dynamic_batching": {"max_queue_delay_microseconds": 9}, "output": OUTPUT}
    config = merged(model_config(placement, Runner.PYTHON), given(raw, placement.folder), placement)
    assert (len(config.input), len(config.output), config.backend) == (2, 1, "python")


def test_parameters_are_joined(placement: Placement) -> None:
    raw: dict[str, JsonValue] = {"parameters": {"tokens": {"string_value": "9"}}}
    config = merged(model_config(placement, Runner.PYTHON), given(raw, placement.folder), placement)
    assert {"tokens", "cmcore.endpoint"} <= set(config.parameters)
