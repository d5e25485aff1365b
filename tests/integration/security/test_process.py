"""The same doors as a process of its own: a real command line, bytes and all."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.integration.security.arena import REFUSALS, Arena

pytestmark = pytest.mark.integration

COMMAND_LINES: dict[str, list[bytes]] = {
    "bytes that are no text, a run": [b"show", b"\xff\xfe"],
    "bytes that are no text, a model": [b"models", b"\xff"],
    "bytes that are no text, an artifact": [b"lineage", b"\xff/x/y"],
    "bytes that are no text, a pipeline": [b"run", b"\xff.yaml"],
    "bytes that are no text, a path": [b"scan", b"\xff"],
    "bytes that are no text, a filter": [b"search", b'tags.x = "\xff"', b"--order-by", b"\xff"],
    "traversal in a name": [b"register", b"x/train/model", b"--as", b"../x"],
    "traversal in a URI": [b"lineage", b"file:///x/../../etc/passwd"],
    "an option for a name": [b"models", b"-oProxyCommand=touch"],
    "a shell's words": [b"alias", b"words@1.0.0", b"$(touch CANARY_EXECUTED)"],
    "an escape sequence": [b"models", b"\x1b]0;evil\x07"],
    "a very long name": [b"show", b"a" * 100_000],
    "a very long path": [b"scan", b"a/" * 40_000],
}


@pytest.mark.parametrize("case", COMMAND_LINES)
def test_a_hostile_command_line_is_refused(arena: Arena, case: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cmcore.cli.main", *COMMAND_LINES[case]],
        cwd=arena.project, env=dict(os.environ), capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode in REFUSALS, done.stderr
    assert b"Traceback" not in done.stderr
    assert b"\x1b]0;" not in done.stderr
    assert not list(arena.root.rglob("CANARY_EXECUTED"))
