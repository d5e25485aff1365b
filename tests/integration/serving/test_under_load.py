"""Clients that ask without a pause see no failure of an update, and the end of every death of the server."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.serving.updates import deaths_under_load, updates_under_load

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


@pytest.mark.parametrize(("backend", "updates"), [("triton", 20), pytest.param("ray", 3, marks=pytest.mark.slow)])
def test_no_request_fails_while_versions_are_updated(backend: str, updates: int, tmp_path: Path) -> None:
    found = updates_under_load(tmp_path, backend, updates=updates)
    assert (found.load.failures, len(found.load.by_model)) == ({}, updates + 1)


def test_a_killed_triton_serves_again_without_help(tmp_path: Path) -> None:
    found = deaths_under_load(tmp_path, "triton", deaths=5)
    last = found.load.between(found.load.seconds - 0.2, found.load.seconds)
    assert (len(found.back_s), last.failures, last.answered > 0) == (5, {}, True)
