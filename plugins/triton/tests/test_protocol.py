"""What Triton serves for us keeps to the Open Inference Protocol, on the wire and for Triton's own client library."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
import tritonclient.grpc
import tritonclient.http

from cmcore.testing.open_inference import OpenInferenceContract
from cmcore.testing.open_inference_clients import ClientLibrary
from cmcore.testing.open_inference_wire import Served
from cmcore.testing.serving_models import TinyModels
from cmcore_triton.backend import triton_backend

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]
NAMES = ("cm-doubling", "cm-echo", "cm-moody")


class TestProtocol(OpenInferenceContract):
    @pytest.fixture(scope="class")
    @classmethod
    def served(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
        backend = triton_backend(tmp_path_factory.mktemp("triton"))
        models = TinyModels(folder=tmp_path_factory.mktemp("models"))
        try:
            backend.start()
            for placement in (models.doubling(NAMES[0]), models.echo(NAMES[1]), models.moody(NAMES[2])):
                backend.place(placement)
                backend.load(placement.name)
            address = backend.address(NAMES[0])
            metadata = {name: backend.address(name).metadata for name in NAMES}
            yield Served(rest=address.rest, grpc=address.grpc, metadata=metadata)
        finally:
            backend.stop()
            backend.close()

    @pytest.fixture(scope="class")
    @classmethod
    def libraries(cls) -> Mapping[str, ClientLibrary]:
        return {"rest": tritonclient.http, "grpc": tritonclient.grpc}
