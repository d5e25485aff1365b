"""Two nodes, for tracing: each writes two files."""

from __future__ import annotations

from cmcore import InputArtifact, OutputArtifact, Parameter, component, pipeline
from cmcore.artifacts import Files


@component
def one(files: OutputArtifact[Files], salt: Parameter[str]) -> None:
    """The first."""
    for name in ("a.txt", "deep/b.txt"):
        with files.open(name, "w") as file:
            file.write(salt)


@component
def other(before: InputArtifact[Files], files: OutputArtifact[Files]) -> None:
    """The second; writes by a path of its own, not through `open`."""
    with before.open("a.txt", "r") as file:
        content = file.read()
    (files.path / "c.txt").write_text(content)
    (files.path / "d.txt").write_text(content * 2)


@pipeline
def two(salt: str = "salt") -> None:
    """One after the other."""
    other(before=one(salt=salt).files)
