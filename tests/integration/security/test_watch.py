"""The arena notices what it is there to notice: each kind of harm, done on purpose."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.integration.security.arena import Arena
from tests.unit.scanning.corpus import Evil

pytestmark = pytest.mark.integration

HARMS: dict[str, tuple[Callable[[Arena], object], str]] = {
    "a canary is read": (lambda arena: bool(arena.canaries[0].path.read_bytes()), "touched"),
    "a canary is written": (lambda arena: arena.canaries[0].path.write_text("x"), "touched"),
    "a canary's token is told": (lambda arena: arena.canaries[0].token, "told"),
    "a file is written outside": (lambda arena: (arena.root / "new").write_text("x"), "written"),
    "a folder is made outside": (lambda arena: (arena.root / "folder").mkdir(exist_ok=True), "written"),
    "a link is made outside": (lambda arena: (arena.root / str(os.getpid())).symlink_to("x"), "written"),
    "a command is run": (lambda _: subprocess.run([sys.executable, "-c", ""], check=True), "executed"),
    "a shell is asked": (lambda _: os.system("true"), "executed"),
    "something is unpickled": (lambda _: pickle.loads(pickle.dumps(Evil(print, ""))), "executed"),
}


@pytest.mark.parametrize("harm", HARMS)
def test_harm_is_noticed(arena: Arena, harm: str) -> None:
    act, what = HARMS[harm]
    outcome = arena.at_python(lambda: act(arena))
    with pytest.raises(AssertionError, match=f"'{what}'"):
        arena.assert_unharmed(outcome)


def test_a_call_that_does_no_harm_is_no_harm(arena: Arena) -> None:
    arena.assert_unharmed(arena.at_python(lambda: 1 + 1))


@pytest.mark.parametrize("error", [ValueError("x"), KeyError("x"), RecursionError("x")])
def test_an_error_that_is_none_of_ours_is_no_refusal(arena: Arena, error: Exception) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(AssertionError, match="exit 70"):
        arena.assert_refused(arena.at_python(fail))


def test_an_answer_is_no_refusal(arena: Arena) -> None:
    with pytest.raises(AssertionError, match="exit 0"):
        arena.assert_refused(arena.at_python(lambda: None))
