"""The backend keeps to the contract on a local cluster behind HAProxy."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cmcore.serving.backend import ServingBackend
from cmcore.testing.serving import ServingBackendContract
from cmcore_ray.backend import RayBackend

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


class TestRay(ServingBackendContract):
    @pytest.fixture(scope="class")
    @classmethod
    def opened(cls, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], ServingBackend]:
        folder = tmp_path_factory.mktemp("ray")
        return lambda: RayBackend(folder)
