"""What the comparison with others says of endpoints, where no other test shows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmcore.serving.controller import Controller
from cmcore.serving.store import Endpoints
from cmcore.state.lease import Lease
from cmcore.testing.serving_memory import MemoryServer, MemoryServing
from tests.unit.serving.wanted import candidate, document

ENOUGH = 20


@pytest.fixture
def server() -> MemoryServer:
    return MemoryServer()


def settled(endpoints: Endpoints, lease: Lease, server: MemoryServer) -> object:
    """The last of many steps: None, as nothing is left to do."""
    controller = Controller(endpoints, lease, lambda _: MemoryServing(server))
    return [controller.step("tiny") for _ in range(ENOUGH)][-1]


def test_several_versions_are_loaded_at_once(
    endpoints: Endpoints, lease: Lease, server: MemoryServer, tmp_path: Path
) -> None:
    both = [candidate(tmp_path, "1.0.0"), candidate(tmp_path, "1.1.0", variant="v1")]
    endpoints.apply(document("tiny@1.0.0", "tiny@1.1.0"), both)
    assert (settled(endpoints, lease, server), sorted(server.loaded)) == (None, ["tiny-1.0.0-1", "tiny-1.1.0-2"])
