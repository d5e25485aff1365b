"""The reference tracker keeps to the contract, so the contract can be kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from cmcore.errors import TrackerError
from cmcore.events import Event
from cmcore.testing.tracker import MemoryTracker, PlainMemory, Seen, TrackerContract
from cmcore.tracking.tracker import Memory, Tracker


def refuse(_: Sequence[Event]) -> None:
    raise TrackerError("nobody is there")


class TestMemoryTracker(TrackerContract):
    @pytest.fixture
    def server(self) -> dict[int, Event]:
        return {}

    @pytest.fixture
    def opened(self, server: dict[int, Event]) -> Callable[[Memory], Tracker]:
        return lambda memory: MemoryTracker(memory, server)

    @pytest.fixture
    def shown(self, server: dict[int, Event]) -> Callable[[str], Sequence[Seen]]:
        return lambda run: MemoryTracker(PlainMemory(), server).shown(run)

    @pytest.fixture
    def unreachable(self, server: dict[int, Event]) -> Callable[[Memory], Tracker]:
        return lambda memory: MemoryTracker(memory, server, fails=refuse)
