"""The clock of a machine; that of a server is asked in tests/integration/state."""

from __future__ import annotations

import time

from cmcore.state.clock import boot_clock
from cmcore.state.database import StateDatabase
from cmcore.state.holder import boot_id


def test_the_epoch_of_a_machine_is_its_boot(database: StateDatabase) -> None:
    with database.reading() as connection:
        assert boot_clock(connection).epoch == boot_id()


def test_the_clock_of_a_machine_only_goes_forward(database: StateDatabase) -> None:
    with database.reading() as connection:
        assert boot_clock(connection).seconds <= time.clock_gettime(time.CLOCK_BOOTTIME)
