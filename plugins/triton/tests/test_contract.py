"""Triton keeps to the contract of serving backends: a local server, and the same one by its address."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from pydantic import JsonValue

from cmcore.components.secret import Secret
from cmcore.serving.backend import ServingBackend
from cmcore.testing.serving import ServingBackendContract
from cmcore_triton.backend import TritonBackend, triton_backend
from cmcore_triton.control_secret import METADATA_KEY
from cmcore_triton.options import TritonOptions

pytestmark = pytest.mark.integration


class TestTriton(ServingBackendContract):
    @pytest.fixture(scope="class")
    @classmethod
    def opened(cls, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], ServingBackend]:
        folder = tmp_path_factory.mktemp("triton")
        return lambda: triton_backend(folder, rate_limit={"seat": 4})


class TestTritonElsewhere(ServingBackendContract):
    """The same server, known by its addresses only."""

    @pytest.fixture(scope="class")
    @classmethod
    def opened(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], ServingBackend]]:
        server = TritonBackend(tmp_path_factory.mktemp("server"), TritonOptions(stop_timeout_s=1.0))
        try:
            server.start()
            address, local = server.address("any"), server.local
            assert local is not None
            options: dict[str, JsonValue] = {
                "url": address.rest, "grpc_url": address.grpc, "repository": str(local.models),
                "metrics_url": f"http://127.0.0.1:{local.ports()[2]}/metrics", "control_key": METADATA_KEY,
            }  # fmt: skip
            secret = Secret.of(dict(local.control_metadata())[METADATA_KEY])
            folder = tmp_path_factory.mktemp("elsewhere")
            yield lambda: TritonBackend(folder, TritonOptions.model_validate({**options, "control_secret": secret}))
        finally:
            server.stop()
            server.close()

    @pytest.fixture(scope="class")
    @classmethod
    def stoppable(cls) -> bool:
        return False
