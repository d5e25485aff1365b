"""Malformed requests to Ray Serve, by REST and by gRPC: it refuses them, is well after each, and no replica is started
again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cmcore_ray.backend import RayBackend
from cmcore_ray.cluster import LocalCluster
from cmcore_ray.options import RayOptions
from tests.integration.serving.malformed_bytes import HOSTILE
from tests.integration.serving.malformed_claims import RAY_CALLS, RAY_REQUESTS, MalformedClaims
from tests.integration.serving.malformed_visit import Processes, Visit, began, standing, visit

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


def processes_of(cluster: LocalCluster) -> Processes:
    """The cluster and the replicas of its models."""
    running = cluster.running()
    assert running is not None
    assert running.process is not None
    children = running.process.children(recursive=True)
    return began([running.process, *(each for each in children if "ServeReplica" in " ".join(each.cmdline()))])


class TestRay(MalformedClaims):
    @pytest.fixture(scope="class")
    @classmethod
    def visit(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
        folder = tmp_path_factory.mktemp("malformed-ray")
        cluster = LocalCluster(folder / "ray", RayOptions())
        with standing(RayBackend(folder / "ray"), folder / "models", lambda: processes_of(cluster)) as stand:
            yield visit(stand, requests=RAY_REQUESTS, calls=RAY_CALLS, more=HOSTILE)
