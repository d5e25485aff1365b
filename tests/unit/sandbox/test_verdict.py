"""Checks, what they come to, what a model is asked, and how its answers are compared with the recorded ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cmcore.errors import UsageError
from cmcore.inference import DataType, InferenceResponse, Interface, Tensor, TensorSpec
from cmcore.inference.request import rows_of
from cmcore.sandbox.questions import questions, sample_requests
from cmcore.sandbox.recorded import differences, recorded_answers
from cmcore.sandbox.sandbox import own
from cmcore.sandbox.verdict import Check, verdict
from cmcore.serving.document import WarmUp

GOOD = Check(name="load", passed=True, asked="ready", found="ready")
BAD = Check(name="latency", passed=False, asked="5 ms", found="7 ms")
FLOAT = TensorSpec(name="x", datatype=DataType.FP32, shape=(1,))
INTERFACE = Interface(inputs=(FLOAT,), outputs=(FLOAT,))
UNBATCHED = Interface(inputs=(FLOAT,), outputs=(FLOAT,), batched=False)
ROWS = [{"x": 1.0}, {"x": 2.0}, {"x": 3.0}]


@pytest.mark.parametrize(("checks", "blessed"), [([GOOD], True), ([GOOD, BAD], False), ([], False)])
def test_a_model_is_blessed_where_there_are_checks_and_all_passed(checks: list[Check], blessed: bool) -> None:
    assert verdict(checks).blessed is blessed


def test_the_reason_says_what_was_asked_and_what_was_found() -> None:
    assert verdict([GOOD, BAD]).reason == "latency: asked for 5 ms, found 7 ms"


def test_recorded_rows_come_round_again_in_batches() -> None:
    warm_up = WarmUp(requests=2, batch_sizes=(2,))
    assert [it.inputs[0].data for it in questions(INTERFACE, ROWS, warm_up)] == [(1.0, 2.0), (3.0, 1.0)]


def test_generated_requests_have_the_batch_sizes_of_the_warm_up() -> None:
    warm_up = WarmUp(requests=1, batch_sizes=(1, 4), source="generated")
    assert [rows_of(it.inputs[0].shape) for it in questions(INTERFACE, ROWS, warm_up)] == [1, 4]


def test_so_many_requests_as_asked_for_are_sent_instead() -> None:
    assert len(list(questions(INTERFACE, ROWS, WarmUp(), 10))) == 10


def test_every_request_has_an_id_of_its_own() -> None:
    found = [it.id for it in questions(INTERFACE, ROWS, WarmUp(batch_sizes=(1, 2)))]
    assert len(set(found)) == len(found) == 6


def test_recorded_requests_that_are_demanded_must_be_there() -> None:
    with pytest.raises(UsageError, match="input_example"):
        list(questions(INTERFACE, [], WarmUp(source="recorded")))


def test_a_model_without_rows_is_asked_one_thing_at_a_time() -> None:
    found = list(questions(UNBATCHED, ROWS, WarmUp(requests=1, batch_sizes=(8,))))
    assert [it.inputs[0].shape for it in found] == [(1,)]


def test_the_recorded_sample_is_sent_in_parts_that_the_server_takes() -> None:
    found = list(sample_requests(INTERFACE, ROWS, 2))
    assert [(first, request.inputs[0].data) for first, request in found] == [(0, (1.0, 2.0)), (2, (3.0,))]


def answer(*values: float) -> InferenceResponse:
    tensor = Tensor(name="y", datatype=DataType.FP32, shape=(len(values), 1), data=values)
    return InferenceResponse(model_name="m", outputs=(tensor,))


@pytest.mark.parametrize("expected", [[{"y": 1.0}, {"y": 2.0}], [{"": 1.0}, {"": 2.0}], [{"y": [1.00001]}, {"y": 2}]])
def test_answers_within_the_tolerance_are_the_recorded_ones(expected: list[dict[str, object]]) -> None:
    assert differences(answer(1.0, 2.0), expected, 1e-4) == []


@pytest.mark.parametrize(
    ("expected", "told"),
    [
        ([{"y": 1.0}, {"y": 2.1}], "row 1, 'y': 2 instead of the recorded 2.1"),
        ([{"y": 1.0}, {"z": 2.0}], "the output 'z' is recorded, and the answer has y"),
        ([{"y": 1.0}, {"y": "2"}], "row 1, 'y': 2 instead of the recorded 2"),
        ([{"y": 1.0}, {"y": [2.0, 3.0]}], "row 1, 'y': 2 instead of the recorded 2, 3"),
    ],
)
def test_another_answer_is_told_with_its_row(expected: list[dict[str, object]], told: str) -> None:
    assert differences(answer(1.0, 2.0), expected, 1e-4) == [told]


def test_many_differences_are_cut() -> None:
    assert differences(answer(*[0.0] * 9), [{"y": 1.0}] * 9, 1e-4)[-1] == "and 6 more"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"predictions": 7}', '{"other": []}'])
def test_another_file_has_no_recorded_answers(tmp_path: Path, text: str) -> None:
    (tmp_path / "sample_answer.json").write_text(text)
    assert recorded_answers(tmp_path) == []


def test_recorded_answers_may_be_plain_values(tmp_path: Path) -> None:
    (tmp_path / "sample_answer.json").write_text(json.dumps({"predictions": [1.5, 2.5]}))
    assert recorded_answers(tmp_path) == [{"": 1.5}, {"": 2.5}]


def test_a_sandbox_keeps_the_options_that_say_nothing_of_a_place() -> None:
    given: dict[str, str | int] = {
        "server": "/opt/tritonserver",
        "http_port": 8000,
        "host": "0.0.0.0",
        "repository": "/m",
    }
    assert own({**given, "grpc_url": "x:1", "response_cache_mib": 8, "backend_directory": "/b"}) == {
        "server": "/opt/tritonserver",
        "response_cache_mib": 8,
        "backend_directory": "/b",
    }
