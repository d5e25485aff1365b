"""What holds for all tests: a terminated run still tears down, so that no server of a fixture outlives it."""

from __future__ import annotations

import signal

import pytest


def pytest_configure() -> None:
    """Turn SIGTERM into an orderly end of the session."""
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("terminated", returncode=143))
