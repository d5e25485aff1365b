"""Pipelines that are well-formed documents and still wrong: each is a valid one with its meaning spoiled."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from typing import Any

import yaml

Document = dict[str, Any]
Spoil = Callable[[Document, random.Random], None]
TRAIN = "greet:greeting"
VALID: Document = {
    "kind": "Pipeline",
    "name": "spoiled",
    "parameters": {"who": {"type": "str", "default": "x"}, "count": {"type": "int", "default": 3}},
    "nodes": {
        "data": {"importer": {"uri": "file:///tmp", "type": "Files"}},
        "latest": {"resolver": "latest-artifact", "with": {"type": "Model"}},
        "name": {"component": "greet:name", "with": {"who": "${params.who}"}},
        "greeting": {"component": TRAIN, "with": {"examples": "${name.examples}", "mode": "greet"}},
        "length": {"component": "greet:length", "with": {"text": "${greeting.text}"}, "after": ["data"]},
    },
}


def cycle(document: Document, chance: random.Random) -> None:
    """Nodes that wait for each other."""
    document["nodes"]["name"]["after"] = [chance.choice(["greeting", "length", "name"])]


def missing_node(document: Document, chance: random.Random) -> None:
    """A reference to a node that is not there."""
    document["nodes"]["greeting"]["with"]["examples"] = f"${{nmae{chance.randint(0, 99)}.examples}}"


def missing_output(document: Document, chance: random.Random) -> None:
    """A reference to an output that is not there."""
    document["nodes"]["greeting"]["with"]["examples"] = f"${{name.exampels{chance.randint(0, 99)}}}"


def missing_parameter(document: Document, chance: random.Random) -> None:
    """A reference to a parameter of the pipeline that is not there."""
    document["nodes"]["name"]["with"]["who"] = f"a ${{params.whom{chance.randint(0, 99)}}}"


def missing_variable(document: Document, chance: random.Random) -> None:
    """A reference to an environment variable that is not set."""
    document["nodes"]["name"]["with"]["who"] = f"${{env.CM_TEST_NOT_SET_{chance.randint(0, 99)}}}"


def missing_argument(document: Document, chance: random.Random) -> None:
    """A node that is not given what it needs."""
    node, key = chance.choice([("name", "who"), ("greeting", "examples"), ("greeting", "mode"), ("length", "text")])
    del document["nodes"][node]["with"][key]


def unknown_argument(document: Document, chance: random.Random) -> None:
    """A node that is given what it does not take."""
    document["nodes"]["name"]["with"][f"whom{chance.randint(0, 99)}"] = 1


def wrong_edge(document: Document, chance: random.Random) -> None:
    """An artifact of another type than the one that is read."""
    node, key, given = chance.choice([
        ("greeting", "examples", "${data.artifact}"), ("greeting", "examples", "${latest.artifact}"),
        ("length", "text", "${name.examples}"), ("length", "text", "${data.artifact}"),
    ])  # fmt: skip
    document["nodes"][node]["with"][key] = given


def wrong_value(document: Document, chance: random.Random) -> None:
    """A parameter's value of another type."""
    document["nodes"]["name"]["with"]["who"] = chance.choice([1, 1.5, True, [1], {"a": 1}, "${params.count}"])


def secret_shown(document: Document, chance: random.Random) -> None:
    """A secret where no secret is taken."""
    document["nodes"]["name"]["with"]["who"] = f"${{secret:TOKEN_{chance.randint(0, 99)}}}"


def value_for_artifact(document: Document, chance: random.Random) -> None:
    """A value where an artifact is read."""
    document["nodes"]["greeting"]["with"]["examples"] = chance.choice([1, "text", {"a": 1}, [1, 2], True])


def broken_expression(document: Document, chance: random.Random) -> None:
    """An expression that does not end, or says nothing."""
    document["nodes"]["name"]["with"]["who"] = chance.choice(["${", "a ${params.who", "${}", "${.x}", "${params..x}"])


def unknown_component(document: Document, chance: random.Random) -> None:
    """A component that nobody has."""
    names = ["Trainre", "greet:nmae", "no.such.module:thing", "greet:", ":name", "a b:c", "os:path", ""]
    document["nodes"]["name"]["component"] = chance.choice(names)


def unknown_resolver(document: Document, chance: random.Random) -> None:
    """A resolver that nobody has."""
    document["nodes"]["latest"]["resolver"] = f"latest-artefact{chance.randint(0, 99)}"


def unknown_type(document: Document, chance: random.Random) -> None:
    """A type that nobody has."""
    wrong = chance.choice(["Modle", "no.such:Type", "list[", "os:system", "dict[str", "int |", "${params.who}"])
    place = chance.choice(["importer", "parameter"])
    if place == "importer":
        document["nodes"]["data"]["importer"]["type"] = wrong
    else:
        document["parameters"]["who"]["type"] = wrong


def wrong_default(document: Document, chance: random.Random) -> None:
    """A default that is not of the parameter's type."""
    document["parameters"]["count"]["default"] = chance.choice(["three", 1.5, [], {}, True])


def wrong_option(document: Document, chance: random.Random) -> None:
    """An option of a node that cannot be."""
    key, value = chance.choice([
        ("retries", 3), ("retries", {"attempts": 0}), ("timeout_s", -1), ("cache", "always"), ("on_failure", "panic"),
        ("resources", {"cpus": 1}), ("after", ["nobody"]), ("after", "name"), ("labels", {"a": 1}), ("with", [1]),
    ])  # fmt: skip
    document["nodes"]["name"][key] = value


def two_kinds(document: Document, chance: random.Random) -> None:
    """A node that is two things, or none."""
    node = document["nodes"]["name"]
    if chance.random() < 0.5:
        node["resolver"] = "latest-artifact"
    else:
        del node["component"]


def reserved_name(document: Document, chance: random.Random) -> None:
    """A node with a name that it cannot have."""
    name = chance.choice(["Name", "a b", "", "1st", "a" * 99, "ünder", "a.b"])
    document["nodes"][name] = document["nodes"].pop("data")
    document["nodes"]["length"].pop("after")


SPOILS: dict[str, Spoil] = {
    spoil.__name__: spoil
    for spoil in (
        cycle, missing_node, missing_output, missing_parameter, missing_variable, missing_argument, unknown_argument,
        wrong_edge, wrong_value, secret_shown, value_for_artifact, broken_expression, unknown_component,
        unknown_resolver, unknown_type, wrong_default, wrong_option, two_kinds, reserved_name,
    )
}  # fmt: skip


def spoiled(count: int, seed: int = 0) -> Iterator[tuple[str, bytes]]:
    """`count` documents, each named after what is wrong with it."""
    chance = random.Random(seed)
    for number in range(count):
        name = sorted(SPOILS)[number % len(SPOILS)]
        document = copy.deepcopy(VALID)
        SPOILS[name](document, chance)
        yield name, yaml.safe_dump(document, sort_keys=False, allow_unicode=True).encode()
