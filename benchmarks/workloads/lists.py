"""The components of the chain and the fan-out: lists of integers in JSON files."""

import json

from cmcore import Artifact, InputArtifact, OutputArtifact, Parameter, component


class Numbers(Artifact):
    """A list of integers."""


@component
def start(numbers: OutputArtifact[Numbers]) -> None:
    """Write the first list."""
    with numbers.open("numbers.json", "w") as file:
        json.dump([0], file)


@component
def append(before: InputArtifact[Numbers], numbers: OutputArtifact[Numbers], number: Parameter[int]) -> None:
    """Read a list, write it with one more number."""
    with before.open("numbers.json", "r") as file:
        found = json.load(file)
    with numbers.open("numbers.json", "w") as file:
        json.dump([*found, number], file)


@component
def join(parts: InputArtifact[list[Numbers]], numbers: OutputArtifact[Numbers]) -> None:
    """Write the lists one after the other."""
    joined: list[int] = []
    for part in parts:
        with part.open("numbers.json", "r") as file:
            joined += json.load(file)
    with numbers.open("numbers.json", "w") as file:
        json.dump(joined, file)
