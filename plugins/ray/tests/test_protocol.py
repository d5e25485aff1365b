"""The door of Ray Serve keeps to the Open Inference Protocol, on the wire and for Triton's own client library."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
import tritonclient.grpc
import tritonclient.http

from cmcore.testing.open_inference import OpenInferenceContract, tiny_models_served
from cmcore.testing.open_inference_clients import ClientLibrary
from cmcore.testing.open_inference_wire import Served
from cmcore_ray.backend import RayBackend

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


class TestProtocol(OpenInferenceContract):
    @pytest.fixture(scope="class")
    @classmethod
    def served(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
        backend = RayBackend(tmp_path_factory.mktemp("ray"))
        with tiny_models_served(backend, tmp_path_factory.mktemp("models")) as served:
            yield served

    @pytest.fixture(scope="class")
    @classmethod
    def libraries(cls) -> Mapping[str, ClientLibrary]:
        return {"rest": tritonclient.http, "grpc": tritonclient.grpc}
