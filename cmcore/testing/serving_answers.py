"""Claims about answers: they are the model's own, by either protocol, whatever the values and however many rows."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

import pytest
import urllib3

from cmcore.errors import InferenceError, InferenceStatus
from cmcore.inference.answer import faults
from cmcore.inference.datatype import Scalar
from cmcore.inference.request import InferenceRequest, InferenceResponse, response_of
from cmcore.serving.backend import Protocol
from cmcore.testing.serving_models import MAX_ROWS, to_double, to_echo, to_measure
from cmcore.testing.serving_stage import DOUBLING, ECHO, MOODY, Stage, comparable, given, status

BOTH = pytest.mark.parametrize("protocol", list(Protocol), ids=str)
EXTREMES: dict[str, Sequence[Scalar]] = {
    "bool": [True, False], "uint8": [0, 2**8 - 1], "uint16": [0, 2**16 - 1], "uint32": [0, 2**32 - 1],
    "uint64": [0, 2**64 - 1], "int8": [-(2**7), 2**7 - 1], "int16": [-(2**15), 2**15 - 1],
    "int32": [-(2**31), 2**31 - 1], "int64": [-(2**63), 2**63 - 1], "fp32": [-1.5, 3.4028234663852886e38],
    "fp64": [0.1, 1.7976931348623157e308], "bytes": ["", "Zürich 北京 🚀 \"'\\/\n\t"],
}  # fmt: skip


class AnswerClaims:
    """What an answer is."""

    @BOTH
    @pytest.mark.parametrize("rows", [1, 2, MAX_ROWS])
    def test_each_row_has_its_own_answer(self, offered: Stage, protocol: Protocol, rows: int) -> None:
        asked = [[float(row), row + 0.5] for row in range(rows)]
        outcome = offered.ask(DOUBLING, to_double(asked), protocol)
        assert given(outcome, "y") == [2 * value for row in asked for value in row]

    @BOTH
    def test_no_rows_are_answered_with_no_rows_or_refused(self, offered: Stage, protocol: Protocol) -> None:
        outcome = offered.ask(DOUBLING, to_double([]), protocol)
        refused = isinstance(outcome, InferenceError) and outcome.status is InferenceStatus.INVALID
        assert refused or given(outcome, "y") == []

    @BOTH
    @pytest.mark.parametrize("kind", sorted(EXTREMES))
    def test_extreme_values_come_back_as_they_went(self, offered: Stage, protocol: Protocol, kind: str) -> None:
        outcome = offered.ask(ECHO, to_echo({kind: EXTREMES[kind]}), protocol)
        assert given(outcome, f"same_{kind}") == list(EXTREMES[kind])

    @BOTH
    @pytest.mark.parametrize("kind", ["fp32", "fp64"])
    @pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -0.0], ids=str)
    def test_floats_that_are_no_numbers_survive(
        self, offered: Stage, protocol: Protocol, kind: str, value: float
    ) -> None:
        outcome = offered.ask(ECHO, to_echo({kind: [value, 1.0]}), protocol)
        assert list(map(repr, given(outcome, f"same_{kind}"))) == [repr(value), "1.0"]

    def test_both_protocols_give_the_same_answer(self, by_both: Stage) -> None:
        request = to_echo(EXTREMES, rows=3)
        rest, grpc = (comparable(by_both.ask(ECHO, request, protocol)) for protocol in Protocol)
        assert rest == grpc

    @BOTH
    def test_an_answer_is_what_the_interface_promises(self, offered: Stage, protocol: Protocol) -> None:
        request = InferenceRequest(inputs=to_measure("one", "three").inputs, id="a-1")
        answer = offered.backend.infer(MOODY, request, protocol=protocol)
        assert faults(answer, request, offered.tiny.moody(MOODY).interface) == []

    @BOTH
    @pytest.mark.parametrize("id", ["7", "Zürich/1 ?", "x" * 200], ids=["short", "odd", "long"])
    def test_the_id_of_a_request_comes_back(self, offered: Stage, protocol: Protocol, id: str) -> None:  # noqa: A002 # the protocol's word
        assert offered.backend.infer(DOUBLING, to_double([[1, 2]], id=id), protocol=protocol).id == id

    @BOTH
    def test_an_answer_names_the_model_that_gave_it(self, offered: Stage, protocol: Protocol) -> None:
        assert offered.backend.infer(DOUBLING, to_double([[1, 2]]), protocol=protocol).model_name == DOUBLING

    @BOTH
    def test_an_optional_input_may_be_missing(self, offered: Stage, protocol: Protocol) -> None:
        assert given(offered.ask(MOODY, to_measure("four"), protocol), "length") == [4.0]

    @BOTH
    def test_an_optional_input_is_used_where_it_is_given(self, offered: Stage, protocol: Protocol) -> None:
        assert given(offered.ask(MOODY, to_measure("four", "", bias=0.5), protocol), "length") == [4.5, 0.5]

    def test_half_precision_comes_by_grpc(self, by_both: Stage) -> None:
        assert given(by_both.ask(MOODY, to_measure("four", half=0.25), Protocol.GRPC), "length") == [4.25]

    @BOTH
    def test_only_outputs_that_are_asked_for_are_given(self, offered: Stage, protocol: Protocol) -> None:
        answer = offered.backend.infer(MOODY, to_measure("four", outputs=["length"]), protocol=protocol)
        assert [tensor.name for tensor in answer.outputs] == ["length"]

    @BOTH
    def test_an_answer_that_is_no_number_is_told_as_it_is(self, offered: Stage, protocol: Protocol) -> None:
        assert list(map(repr, given(offered.ask(MOODY, to_measure("nan!", "ab"), protocol), "length"))) == [
            "nan",
            "2.0",
        ]

    @BOTH
    def test_what_a_predictor_raises_is_told(self, offered: Stage, protocol: Protocol) -> None:
        assert "no length of 'raise!' can be told" in str(offered.ask(MOODY, to_measure("raise!"), protocol))

    @BOTH
    def test_a_model_that_raised_still_answers(self, offered: Stage, protocol: Protocol) -> None:
        offered.ask(MOODY, to_measure("raise!"), protocol)
        assert given(offered.ask(MOODY, to_measure("four"), protocol), "length") == [4.0]

    @BOTH
    def test_an_answer_of_another_shape_is_not_passed_off_as_the_promised_one(
        self, offered: Stage, protocol: Protocol
    ) -> None:
        request = to_measure("misshape!")
        outcome = offered.ask(MOODY, request, protocol)
        assert isinstance(outcome, InferenceError) or faults(outcome, request, offered.tiny.moody(MOODY).interface)

    @BOTH
    def test_an_answer_that_takes_too_long_is_a_timeout(self, offered: Stage, protocol: Protocol) -> None:
        outcome = offered.ask(MOODY, to_measure("sleep!1.0"), protocol, timeout_s=0.3)
        assert status(outcome) == InferenceStatus.TIMEOUT

    def test_a_plain_http_client_is_answered_at_the_address(self, on_the_wire: Stage) -> None:
        address = on_the_wire.backend.address(DOUBLING)
        answer = posted(f"{address.rest}/v2/models/{address.model}/infer", to_double([[1, 2]]))
        assert (answer.model_name, list(answer.output("y").data)) == (address.model, [2.0, 4.0])

    def test_the_model_of_an_address_is_the_name_that_it_was_placed_under(self, stage: Stage) -> None:
        assert stage.backend.address(DOUBLING).model == DOUBLING

    def test_there_is_an_address_for_each_protocol_that_is_offered(self, on_the_wire: Stage) -> None:
        address = on_the_wire.backend.address(DOUBLING)
        given_for = {Protocol.REST: bool(address.rest), Protocol.GRPC: bool(address.grpc)}
        assert {protocol for protocol, found in given_for.items() if found} == set(
            on_the_wire.backend.capabilities().protocols
        )


def posted(url: str, request: InferenceRequest) -> InferenceResponse:
    """What a client that knows nothing of cmcore gets."""
    answer = urllib3.request("POST", url, json=request.document(), retries=False, timeout=10.0)
    return response_of(json.loads(answer.data))
