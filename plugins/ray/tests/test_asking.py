"""The gRPC client: what becomes of it while its server is away, and is there again."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from tritonclient.grpc import service_pb2 as pb
from tritonclient.grpc.service_pb2_grpc import GRPCInferenceServiceServicer, add_GRPCInferenceServiceServicer_to_server

from cmcore.serving.backend import Address
from cmcore_ray.asking import GrpcClient


class Ready(GRPCInferenceServiceServicer):
    """Every model is ready."""

    def ModelReady(self, request: pb.ModelReadyRequest, context: object) -> pb.ModelReadyResponse:
        del request, context
        return pb.ModelReadyResponse(ready=True)


@pytest.fixture
def port() -> int:
    """Nobody listens there."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.fixture
def client(port: int) -> Iterator[GrpcClient]:
    client = GrpcClient(f"127.0.0.1:{port}")
    yield client
    client.close()


def test_a_server_that_comes_is_seen_at_the_next_look(client: GrpcClient, port: int) -> None:
    address = Address(model="m", rest="", grpc=f"127.0.0.1:{port}")
    before = [client.ready(address) for _ in range(20)]
    server = grpc.server(ThreadPoolExecutor(2))
    add_GRPCInferenceServiceServicer_to_server(Ready(), server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    try:
        assert (set(before), client.ready(address)) == ({False}, True)
    finally:
        server.stop(None).wait()
