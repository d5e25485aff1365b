"""OpenInferenceContract: the tests of every server of the Open Inference Protocol, version 2, by what is on the wire.

https://github.com/kserve/open-inference-protocol, and its extension for binary tensors:
https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md.
Triton's client library is handed in, for the core imports none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

import cmcore.testing.serving_assertions  # noqa: F401 # being imported first is its work
from cmcore.serving.backend import ServingBackend
from cmcore.testing.open_inference_claims import BinaryClaims, DescriptionClaims, JsonClaims, MalformedClaims
from cmcore.testing.open_inference_clients import ClientClaims, ClientLibrary
from cmcore.testing.open_inference_wire import Served
from cmcore.testing.serving_models import TinyModels


@contextmanager
def tiny_models_served(backend: ServingBackend, folder: Path) -> Iterator[Served]:
    """A backend's server while it has the three tiny models, whose files are made in `folder`; stopped afterwards."""
    models, names = TinyModels(folder=folder), Served(rest="")
    placements = (models.doubling(names.doubling), models.echo(names.echo), models.moody(names.moody))
    try:
        backend.start()
        for placement in placements:
            backend.place(placement)
            backend.load(placement.name)
        addresses = {each.name: backend.address(each.name) for each in placements}
        first = addresses[names.doubling]
        metadata = {name: address.metadata for name, address in addresses.items()}
        yield replace(names, rest=first.rest, grpc=first.grpc, metadata=metadata)
    finally:
        backend.stop()
        backend.close()


class OpenInferenceContract(DescriptionClaims, JsonClaims, BinaryClaims, MalformedClaims, ClientClaims):
    """What every server of the protocol keeps to. A subclass gives two fixtures.

    class TestMine(OpenInferenceContract):
        @pytest.fixture(scope="class")
        @classmethod
        def served(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
            # a server that is no backend: yield Served(rest="http://127.0.0.1:8000", grpc="127.0.0.1:8001")
            with tiny_models_served(MyBackend(...), tmp_path_factory.mktemp("models")) as served:
                yield served

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
