"""Names of what is served, and the gRPC service of the Open Inference Protocol, as Ray Serve's servers add it.

The generated module calls itself `grpc_service_pb2`, a name that cannot be imported: Ray's own proxy, which pickles
messages, could not send one to a replica. Under this name it can.
"""

from __future__ import annotations

import sys

from tritonclient.grpc import service_pb2
from tritonclient.grpc.service_pb2_grpc import (
    add_GRPCInferenceServiceServicer_to_server as add_to_server,
)

__all__ = ["DOOR", "SERVER", "add_to_server", "is_model"]

DOOR, SERVER, POOLS = "cmcore-door", "ray-serve", "cmcore-pool."


def is_model(application: str) -> bool:
    """Whether an application is a model's, and not one that serves models."""
    return application != DOOR and not application.startswith(POOLS)


sys.modules.setdefault(service_pb2.ModelInferRequest.__module__, service_pb2)
