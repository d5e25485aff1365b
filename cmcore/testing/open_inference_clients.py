"""Claims about what Triton's client library, the usual one for the protocol, gets over HTTP and over gRPC."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy
import pytest

from cmcore.inference.arrays import Array
from cmcore.testing.open_inference_wire import Served

BOTH = pytest.mark.parametrize("protocol", ["rest", "grpc"])


class Input(Protocol):
    """The library's InferInput."""

    def set_data_from_numpy(self, input_tensor: Array) -> object:
        """Give it elements."""
        ...


class Result(Protocol):
    """The library's InferResult."""

    def as_numpy(self, name: str) -> Array | None:
        """An output."""
        ...

    def get_response(self) -> object:
        """A document or a message."""
        ...


class Client(Protocol):
    """The library's InferenceServerClient, as far as it is used here."""

    def is_server_live(self, headers: Mapping[str, str] | None = None) -> bool:
        """Health."""
        ...

    def is_server_ready(self, headers: Mapping[str, str] | None = None) -> bool:
        """Health."""
        ...

    def is_model_ready(self, model_name: str, headers: Mapping[str, str] | None = None) -> bool:
        """Health of a model."""
        ...

    def get_model_metadata(self, model_name: str, headers: Mapping[str, str] | None = None) -> object:
        """A document or a message."""
        ...

    def infer(
        self, model_name: str, inputs: Sequence[Input], *, outputs: Sequence[object] | None = None,
        request_id: str = "", headers: Mapping[str, str] | None = None,
    ) -> Result:  # fmt: skip
        """An answer."""
        ...

    def close(self) -> None:
        """Give the connection back."""
        ...


class ClientLibrary(Protocol):
    """What `tritonclient.http` and `tritonclient.grpc` have in common."""

    def InferenceServerClient(self, url: str) -> Client:  # noqa: N802 # the library's name
        """A client of a server at host:port."""
        ...

    def InferInput(self, name: str, shape: Sequence[int], datatype: str) -> Input:  # noqa: N802 # the library's name
        """An input."""
        ...

    def InferRequestedOutput(self, name: str) -> object:  # noqa: N802 # the library's name
        """An output that is asked for."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A client of one protocol and the server that it asks."""

    library: ClientLibrary
    client: Client
    served: Served

    def infer(self, model: str, request_id: str = "", wanted: Sequence[str] = (), **arrays: Array) -> Result:
        """The result for arrays by the names of inputs."""
        return self.client.infer(
            model,
            [self._input(name, array) for name, array in arrays.items()],
            outputs=[self.library.InferRequestedOutput(name) for name in wanted] or None,
            request_id=request_id,
            headers=self.served.headers(model),
        )

    def _input(self, name: str, array: Array) -> Input:
        datatype = {"float32": "FP32", "float16": "FP16", "object": "BYTES"}[str(array.dtype)]
        one = self.library.InferInput(name, list(array.shape), datatype)
        one.set_data_from_numpy(array)
        return one


class ClientClaims:
    """What the library's users see."""

    @pytest.fixture
    def caller(self, served: Served, libraries: Mapping[str, ClientLibrary], protocol: str) -> Iterator[Caller]:
        """A client of the protocol that the test is about."""
        address = {"rest": served.rest.partition("://")[2], "grpc": served.grpc}[protocol]
        if not address or protocol not in libraries:
            pytest.skip(f"this server does not offer {protocol}")
        library = libraries[protocol]
        client = library.InferenceServerClient(address)
        yield Caller(library=library, client=client, served=served)
        client.close()

    @BOTH
    def test_the_client_finds_the_server_live(self, caller: Caller) -> None:
        assert caller.client.is_server_live(headers=caller.served.headers())

    @BOTH
    def test_the_client_finds_the_server_ready(self, caller: Caller) -> None:
        assert caller.client.is_server_ready(headers=caller.served.headers())

    @BOTH
    def test_the_client_finds_a_loaded_model_ready(self, caller: Caller) -> None:
        assert caller.client.is_model_ready(caller.served.doubling, headers=caller.served.headers())

    @BOTH
    def test_the_client_is_told_what_a_model_takes(self, caller: Caller) -> None:
        told = caller.client.get_model_metadata(caller.served.doubling, headers=caller.served.headers())
        assert ("FP32" in str(told), caller.served.doubling in str(told)) == (True, True)

    @BOTH
    def test_the_client_gets_numbers(self, caller: Caller) -> None:
        result = caller.infer(caller.served.doubling, x=numpy.array([[1, 2], [3, 4.5]], dtype=numpy.float32))
        assert numpy.array_equal(elements(result, "y"), [[2, 4], [6, 9]])

    @BOTH
    def test_the_client_gets_nan_and_infinity(self, caller: Caller) -> None:
        result = caller.infer(caller.served.doubling, x=numpy.array([[numpy.nan, -numpy.inf]], dtype=numpy.float32))
        assert str(elements(result, "y").tolist()) == "[[nan, -inf]]"

    @BOTH
    def test_the_client_sends_texts(self, caller: Caller) -> None:
        words = numpy.array([["Zürich".encode()], [b""], [b"four"]], dtype=object)
        assert elements(caller.infer(caller.served.moody, text=words), "length").tolist() == [[6], [0], [4]]

    @BOTH
    def test_the_client_sends_an_optional_input_in_half_precision(self, caller: Caller) -> None:
        words, half = numpy.array([[b"four"]], dtype=object), numpy.array([[0.25]], dtype=numpy.float16)
        assert elements(caller.infer(caller.served.moody, text=words, half=half), "length").tolist() == [[4.25]]

    @BOTH
    def test_the_client_gets_only_outputs_that_it_asks_for(self, caller: Caller) -> None:
        words = numpy.array([[b"four"]], dtype=object)
        result = caller.infer(caller.served.moody, wanted=["length"], text=words)
        assert (elements(result, "length").tolist(), result.as_numpy("together")) == ([[4]], None)

    @BOTH
    def test_the_client_gets_its_id_back(self, caller: Caller) -> None:
        array = numpy.ones((1, 2), dtype=numpy.float32)
        assert "an-id-7" in str(caller.infer(caller.served.doubling, request_id="an-id-7", x=array).get_response())

    @BOTH
    def test_the_client_raises_for_a_model_that_nobody_has(self, caller: Caller) -> None:
        with pytest.raises(Exception, match="cm-nobody"):
            caller.infer("cm-nobody", x=numpy.ones((1, 2), dtype=numpy.float32))

    @BOTH
    def test_the_client_raises_for_a_wrong_shape(self, caller: Caller) -> None:
        with pytest.raises(Exception, match="shape"):
            caller.infer(caller.served.doubling, x=numpy.ones((1, 3), dtype=numpy.float32))

    @BOTH
    def test_the_client_raises_what_the_predictor_raised(self, caller: Caller) -> None:
        with pytest.raises(Exception, match="no length of 'raise!' can be told"):
            caller.infer(caller.served.moody, text=numpy.array([[b"raise!"]], dtype=object))


def elements(result: Result, name: str) -> Array:
    """An output that must be there."""
    array = result.as_numpy(name)
    assert array is not None, f"no output {name!r}"
    return array
