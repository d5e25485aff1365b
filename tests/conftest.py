"""What holds for all tests: a terminated run still tears down, so that no server of a fixture outlives it."""

from __future__ import annotations

import signal

import pytest


def pytest_configure() -> None:
    """Turn SIGTERM into an orderly end of the session; and hear SIGINT, which a shell's background job ignores: the
    commands that tests start and interrupt would inherit that."""
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("terminated", returncode=143))
    signal.signal(signal.SIGINT, signal.default_int_handler)
