"""Executors that contract tests run: installed with cmcore, so that every launcher's processes can import them.

Only what a contract needs; a component that somebody would use is not here.
"""

from __future__ import annotations

import time

from cmcore.artifacts import Files
from cmcore.components.annotations import InputArtifact, OutputArtifact, OutputDict, Parameter
from cmcore.components.component import component
from cmcore.components.context import Context
from cmcore.components.secret import Secret


@component
def write(files: OutputArtifact[Files], text: Parameter[str] = "hello") -> OutputDict(length=int):  # type: ignore[valid-type] # made at run time
    """One file and one value."""
    (files.path / "text").write_text(text, encoding="utf-8")
    return {"length": len(text)}


@component
def copy(files: InputArtifact[Files], again: OutputArtifact[Files]) -> None:
    """What was written, written again."""
    (again.path / "text").write_bytes((files.path / "text").read_bytes())


@component
def fail(message: Parameter[str] = "as asked") -> None:
    """An exception."""
    raise ValueError(message)


@component
def report(context: Context, steps: Parameter[int] = 3) -> None:
    """Progress, step by step."""
    for step in range(steps):
        context.progress(step + 1, steps)


@component
def wait_for_cancel(context: Context, seconds: Parameter[float] = 20.0) -> OutputDict(cancelled=bool):  # type: ignore[valid-type] # made at run time
    """Works until it is asked to stop, or until its time is over."""
    deadline = time.monotonic() + seconds
    while not context.cancelled and time.monotonic() < deadline:
        time.sleep(0.005)
    return {"cancelled": context.cancelled}


@component
def leak(token: Parameter[Secret[str]]) -> None:
    """An exception with a secret in it."""
    raise ValueError(f"cannot log in with {token.reveal()}")
