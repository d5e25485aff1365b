"""Claims about requests that cannot be answered: each is refused for what it is, and the server goes on."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from cmcore.errors import InferenceStatus
from cmcore.inference.datatype import DataType
from cmcore.inference.request import InferenceRequest
from cmcore.inference.tensor import Tensor
from cmcore.serving.backend import Protocol
from cmcore.testing.serving_models import MAX_ROWS, tensor, to_double, to_measure
from cmcore.testing.serving_stage import DOUBLING, MOODY, Stage, status

X = to_double([[1, 2]]).inputs[0]
WRONG: Mapping[str, InferenceRequest] = {
    "unknown input": InferenceRequest(inputs=(X, tensor("q", DataType.FP32, [[1.0, 2.0]]))),
    "missing input": InferenceRequest(inputs=()),
    "another name": InferenceRequest(inputs=(tensor("q", DataType.FP32, [[1.0, 2.0]]),)),
    "wrong datatype": InferenceRequest(inputs=(tensor("x", DataType.INT64, [[1, 2]]),)),
    "text for a number": InferenceRequest(inputs=(tensor("x", DataType.BYTES, [["a", "b"]]),)),
    "a dimension too few": InferenceRequest(
        inputs=(Tensor(name="x", datatype=DataType.FP32, shape=(2,), data=(1.0, 2.0)),)
    ),
    "a dimension too many": InferenceRequest(
        inputs=(Tensor(name="x", datatype=DataType.FP32, shape=(1, 2, 1), data=(1.0, 2.0)),)
    ),
    "a column too many": InferenceRequest(inputs=(tensor("x", DataType.FP32, [[1.0, 2.0, 3.0]]),)),
    "a column too few": InferenceRequest(inputs=(tensor("x", DataType.FP32, [[1.0]]),)),
    "a row too many": to_double([[1, 2]] * (MAX_ROWS + 1)),
    "fewer elements than the shape asks for": InferenceRequest(
        inputs=(Tensor(name="x", datatype=DataType.FP32, shape=(2, 2), data=(1.0, 2.0)),)
    ),
    "unknown output": InferenceRequest(inputs=(X,), outputs=("q",)),
}
BOTH = pytest.mark.parametrize("protocol", list(Protocol), ids=str)
CASES = pytest.mark.parametrize("case", sorted(WRONG))


class RefusalClaims:
    """What becomes of a wrong request."""

    @BOTH
    @CASES
    def test_a_wrong_request_is_invalid(self, offered: Stage, protocol: Protocol, case: str) -> None:
        assert status(offered.ask(DOUBLING, WRONG[case], protocol)) == InferenceStatus.INVALID

    @CASES
    def test_a_wrong_request_harms_nothing(self, stage: Stage, case: str) -> None:
        stage.ask(DOUBLING, WRONG[case])
        assert stage.healthy()

    @BOTH
    def test_inputs_with_different_numbers_of_rows_are_invalid(self, offered: Stage, protocol: Protocol) -> None:
        bias = tensor("bias", DataType.FP32, [[1.0]] * 2)
        request = InferenceRequest(inputs=(*to_measure("a", "b", "c").inputs, bias))
        assert status(offered.ask(MOODY, request, protocol)) == InferenceStatus.INVALID

    @BOTH
    def test_a_model_that_nobody_has_is_not_found(self, offered: Stage, protocol: Protocol) -> None:
        assert status(offered.ask("cm-nobody", to_double([[1, 2]]), protocol)) == InferenceStatus.NOT_FOUND
