"""OpenInferenceContract: the tests of every server of the Open Inference Protocol, version 2, by what is on the wire.

https://github.com/kserve/open-inference-protocol, and its extension for binary tensors:
https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md.
Triton's client library is handed in, for the core imports none.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

import cmcore.testing.serving_assertions  # noqa: F401 # being imported first is its work
from cmcore.testing.open_inference_claims import BinaryClaims, DescriptionClaims, JsonClaims, MalformedClaims
from cmcore.testing.open_inference_clients import ClientClaims, ClientLibrary
from cmcore.testing.open_inference_wire import Served


class OpenInferenceContract(DescriptionClaims, JsonClaims, BinaryClaims, MalformedClaims, ClientClaims):
    """What every server of the protocol keeps to. A subclass gives two fixtures.

    class TestMine(OpenInferenceContract):
        @pytest.fixture(scope="class")
        @classmethod
        def served(cls) -> Iterator[Served]:
            ...  # start the server with the models of cmcore.testing.serving_models
            yield Served(rest="http://127.0.0.1:8000", grpc="127.0.0.1:8001")

        @pytest.fixture(scope="class")
        @classmethod
        def libraries(cls) -> Mapping[str, ClientLibrary]:
            import tritonclient.grpc
            import tritonclient.http

            return {"rest": tritonclient.http, "grpc": tritonclient.grpc}
    """

    @pytest.fixture(scope="class")
    @classmethod
    def served(cls) -> Served:
        """A server that answers."""
        raise NotImplementedError(f"{cls.__name__} must have a fixture served, of the scope 'class'")

    @pytest.fixture(scope="class")
    @classmethod
    def libraries(cls) -> Mapping[str, ClientLibrary]:
        """Triton's client library by protocol."""
        raise NotImplementedError(f"{cls.__name__} must have a fixture libraries, of the scope 'class'")
