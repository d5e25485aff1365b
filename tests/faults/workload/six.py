"""Six nodes, a diamond and a chain after it, that leave a line outside the project for each call of an executor."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import NamedTuple

from cmcore import Context, InputArtifact, OutputArtifact, Parameter, component, pipeline
from cmcore.artifacts import Files

CALLS = Path(os.environ.get("FAULTS_OUTSIDE", "outside")) / "calls"
EFFECTS = CALLS.with_name("effects")
PAUSE_S = float(os.environ.get("FAULTS_PAUSE_S", "0.05"))
FILLING = "0123456789abcdef" * 4096


class Length(NamedTuple):
    """What `first` returns beside its files."""

    length: int


def called(context: Context) -> None:
    """Say outside, in one write, that this executor was called, and when."""
    with CALLS.open("a") as file:
        file.write(f"{context.idempotency_key} {time.time():.6f}\n")
    time.sleep(PAUSE_S)


def write(files: Files, *parts: str) -> None:
    """Two files with content that depends on all that was read."""
    with files.open("parts.txt", "w") as file:
        file.write("\n".join(parts))
    with files.open("deep/filling.txt", "w") as file:
        file.write(parts[0] + FILLING)


def text(files: Files) -> str:
    """What `write` wrote."""
    with files.open("parts.txt", "r") as file:
        return str(file.read())


@component
def first(files: OutputArtifact[Files], salt: Parameter[str], context: Context) -> Length:
    """The source; also gives a value."""
    called(context)
    write(files, salt)
    return Length(len(salt))


@component
def left(before: InputArtifact[Files], files: OutputArtifact[Files], length: Parameter[int], context: Context) -> None:
    """One side of the diamond; reads the value."""
    called(context)
    write(files, "left", text(before), str(length))


@component
def right(before: InputArtifact[Files], files: OutputArtifact[Files], context: Context) -> None:
    """The other side, with a child process that would outlive a careless driver."""
    called(context)
    if os.fork() == 0:
        time.sleep(30)
        os._exit(0)
    write(files, "right", text(before))


@component
def join(
    one: InputArtifact[Files],
    other: InputArtifact[Files],
    files: OutputArtifact[Files],
    more: OutputArtifact[Files],
    context: Context,
) -> None:
    """The end of the diamond: two outputs."""
    called(context)
    write(files, "join", text(one), text(other))
    write(more, "more", text(one))


@component
def refine(before: InputArtifact[Files], files: OutputArtifact[Files], context: Context) -> None:
    """A link of the chain."""
    called(context)
    write(files, "refine", text(before))


@component(effect="external")
def push(before: InputArtifact[Files], files: OutputArtifact[Files], context: Context) -> None:
    """The end of the chain: changes the world outside, once per key."""
    called(context)
    known = EFFECTS.read_text().splitlines() if EFFECTS.exists() else []
    if context.idempotency_key not in known:
        with EFFECTS.open("a") as file:
            file.write(context.idempotency_key + "\n")
    write(files, "pushed", text(before))


@pipeline
def six(salt: str = "salt") -> None:
    """A diamond, then a chain that ends in the world outside."""
    source = first(salt=salt)
    one = left(before=source.files, length=source.length)
    other = right(before=source.files)
    joined = join(one=one.files, other=other.files)
    refined = refine(before=joined.files)
    push(before=refined.files)
