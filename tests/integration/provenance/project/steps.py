"""Components of every kind that a reproduction treats in its own way."""

from __future__ import annotations

import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from wording import loud

from cmcore import Context, InputArtifact, OutputArtifact, OutputDict, Parameter, component
from cmcore.artifacts import Files


@component
def shout(raw: InputArtifact[Files], loudly: OutputArtifact[Files], context: Context) -> None:
    """The text in capitals: the same whenever it runs."""
    text = loud((raw.path / "words.txt").read_text(encoding="utf-8"))
    (loudly.path / "text").write_text(text, encoding="utf-8")
    context.metric("letters", len(text))


@component
def stamp(loudly: InputArtifact[Files], stamped: OutputArtifact[Files], context: Context) -> None:
    """The time: never the same."""
    now = time.time_ns()
    (stamped.path / "text").write_bytes((loudly.path / "text").read_bytes())
    (stamped.path / "time").write_text(str(now), encoding="utf-8")
    context.metric("at", now)


@component
def measure(stamped: InputArtifact[Files], run: Parameter[str]) -> OutputDict(time=str, of=str):
    """What the stamp says: the same whenever it reads the same."""
    return {"time": (stamped.path / "time").read_text(encoding="utf-8"), "of": run}


@component
def compare(loudly: InputArtifact[Files], previous: InputArtifact[Files] | None = None) -> OutputDict(before=str):
    """The text of the run before."""
    del loudly
    return {"before": (previous.path / "text").read_text(encoding="utf-8") if previous else ""}


@component
def installed(package: Parameter[str]) -> OutputDict(version=str):
    """Which version of a package there is."""
    try:
        return {"version": version(package)}
    except PackageNotFoundError:
        return {"version": "none"}


@component(effect="external")
def announce(time: Parameter[str], file: Parameter[str]) -> OutputDict(announced=bool):
    """One more line in a file that belongs to no run."""
    with Path(file).open("a", encoding="utf-8") as lines:
        lines.write(f"{time}\n")
    return {"announced": True}
