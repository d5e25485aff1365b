"""The reference implementation keeps to the contract that it is the reference of; what only it can do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cmcore.errors import ServingError
from cmcore.serving.backend import ServedState, ServingBackend
from cmcore.testing.serving import ServingBackendContract
from cmcore.testing.serving_memory import MemoryServer, MemoryServing
from cmcore.testing.serving_models import TinyModels


class TestMemoryServing(ServingBackendContract):
    """All of it; addresses lead nowhere."""

    @pytest.fixture(scope="class")
    @classmethod
    def opened(cls) -> Callable[[], ServingBackend]:
        """Backends that share one server."""
        server = MemoryServer()
        return lambda: MemoryServing(server)

    @pytest.fixture(scope="class")
    @classmethod
    def over_http(cls) -> bool:
        """There are no sockets."""
        return False


@pytest.fixture
def server() -> MemoryServer:
    return MemoryServer()


@pytest.fixture
def backend(server: MemoryServer, tmp_path: Path) -> MemoryServing:
    """A started backend with one model, `a`."""
    backend = MemoryServing(server)
    backend.start()
    backend.place(TinyModels(folder=tmp_path).doubling("a"))
    backend.load("a")
    return backend


def test_a_killed_server_cannot_be_asked(server: MemoryServer, backend: MemoryServing) -> None:
    server.kill()
    with pytest.raises(ServingError, match="does not run"):
        backend.models()


def test_a_killed_server_forgets_what_was_loaded(server: MemoryServer, backend: MemoryServing) -> None:
    server.kill()
    backend.start()
    assert backend.models()["a"].state is ServedState.UNAVAILABLE


def test_a_lost_model_is_placed_and_no_more(server: MemoryServer, backend: MemoryServing) -> None:
    server.lose("a")
    assert backend.models()["a"].state is ServedState.UNAVAILABLE


def test_changes_are_kept_in_their_order(server: MemoryServer, backend: MemoryServing) -> None:
    backend.unload("a")
    backend.remove("a")
    assert server.calls == [("place", "a"), ("load", "a"), ("unload", "a"), ("remove", "a")]


def test_a_call_can_be_made_to_fail(server: MemoryServer, backend: MemoryServing) -> None:
    def fails(call: str, name: str) -> None:
        raise ServingError(f"{call} of {name} is off today")

    server.fails = fails
    with pytest.raises(ServingError, match="unload of a is off today"):
        backend.unload("a")
