"""Pins on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from cmcore.errors import LeaseHeldError
from cmcore.retention.pins import PinKind, Pins
from cmcore.state.database import StateDatabase
from cmcore.state.holder import Holder
from cmcore.state.lease import COLLECTION, Leases

pytestmark = pytest.mark.integration


def test_a_pin_comes_and_goes(database: StateDatabase) -> None:
    pins = Pins(database, actor="ada")
    pins.pin(PinKind.RUN, "r1")
    pins.pin(PinKind.VERSION, "flights@1.0.0", reason="ü 🙂")
    pins.unpin(PinKind.RUN, "r1")
    assert [(pin.kind, pin.name, pin.reason) for pin in pins.list()] == [(PinKind.VERSION, "flights@1.0.0", "ü 🙂")]


def test_many_may_pin_the_same_at_once(database: StateDatabase) -> None:
    pins = Pins(database, actor="ada")
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: pins.pin(PinKind.RUN, "r1", reason=str(number)), range(40)))
    assert len(pins.list()) == 1


def test_nothing_is_pinned_while_it_is_decided_what_goes(database: StateDatabase) -> None:
    Leases(database).acquire(COLLECTION, Holder.this("bob"), ttl_s=60.0)
    with pytest.raises(LeaseHeldError, match="'gc' has been held by bob"):
        Pins(database, actor="ada").pin(PinKind.RUN, "r1")
