"""Malformed documents without end: a seed gives a list of them, each a valid document with one thing spoiled.

`python tests/unit/document/malformed.py FOLDER COUNT [SEED]` writes them as files. Hand-written ones are in `corpus/`.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from pathlib import Path

VALID = (
    """\
kind: Pipeline
name: flights
parameters:
  limit: {type: int, default: 10}
  names: {type: "list[str]", default: [a, b]}
nodes:
  ingest:
    uses: csv-example-gen
    with:
      folder: data/flights
      share: 0.25
  train:
    uses: trainer
    after: [ingest]
    with:
      examples: ${ingest.examples}
      title: "run ${run.id}"
      notes: |
        two lines
        of text
    retries: {count: 3, delay_s: 1.5}
    continue_on_failure: false
outputs:
  model: ${train.model}
""",
    """\
kind: Component
name: train-model
inputs: {examples: Examples}
parameters:
  epochs: {type: int, default: 10, minimum: 1}
  rate: {type: float, default: 1e-3}
outputs: {model: Model}
resources: {cpu_cores: 4, memory_mib: 8192, gpus: 1}
executor: cmcore_sklearn.train:train_model
""",
    """\
kind: Stack
name: laptop
lineage: {name: ml-metadata, options: {url: null}}
launcher:
  name: local
  options:
    workers: 2
    environment:
      - {name: MODE, value: "quick"}
      - {name: LEVEL, value: "3"}
""",
)

Spoil = Callable[[str, random.Random], bytes]


def malformed(count: int, seed: int = 0) -> list[tuple[str, bytes]]:
    """`count` documents, none of them valid YAML for cmcore, named after what was done to them."""
    chance = random.Random(seed)
    names = sorted(SPOILS)
    return [
        (name, SPOILS[name](chance.choice(VALID), chance)) for name in (names[i % len(names)] for i in range(count))
    ]


def misfits(count: int, seed: int = 0) -> list[tuple[str, bytes]]:
    """`count` documents that are YAML but fit no model: unknown keys, missing keys, values of another type."""
    chance = random.Random(seed)
    names = sorted(MISFITS)
    return [
        (name, MISFITS[name](chance.choice(VALID), chance)) for name in (names[i % len(names)] for i in range(count))
    ]


def _replace_line(text: str, number: int, line: str) -> bytes:
    lines = text.splitlines()
    lines[number] = line
    return "\n".join(lines).encode() + b"\n"


def alias_bomb(text: str, chance: random.Random) -> bytes:
    levels = chance.randint(2, 30)
    width = chance.randint(2, 20)
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * width)}]" for i in range(1, levels)]
    return (text + "\n".join(lines) + "\n").encode()


def recursive_alias(text: str, chance: random.Random) -> bytes:
    return (text + f"self{chance.randint(0, 9)}: &self {{again: *self}}\n").encode()


def anchor(text: str, chance: random.Random) -> bytes:
    return text.replace(": ", f": &a{chance.randint(0, 9)} ", 1).encode()


def merge_key(text: str, chance: random.Random) -> bytes:
    return (text + f"<<: {{extra: {chance.random()}}}\n").encode()


def duplicate_key(text: str, chance: random.Random) -> bytes:
    top = [line.split(":")[0] for line in text.splitlines() if line[0].isalpha()]
    return (text + f"{chance.choice(top)}: again\n").encode()


def duplicate_key_inside(text: str, chance: random.Random) -> bytes:
    return (text + f"more: {{a: 1, b: [{{c: {chance.randint(0, 9)}, c: 2}}]}}\n").encode()


def odd_key(text: str, chance: random.Random) -> bytes:
    key = chance.choice(["3", "1.5", "null", "true", "? [a, b]\n", "? {a: b}\n", "~", "0x1f"])
    return (text + f"{key}: value\n").encode()


def tag(text: str, chance: random.Random) -> bytes:
    tags = ["!!python/object/apply:os.system ['true']", "!mine 3", "!!binary aGk=", "!!set {a, b}", "!!int x", "!u!x 1"]
    return (text + f"tagged: {chance.choice(tags)}\n").encode()


def deep_flow(text: str, chance: random.Random) -> bytes:
    bracket = chance.choice(["[", "{a: ", "[{a: "])
    return (text + "deep: " + bracket * chance.choice([65, 1_000, 100_000])).encode()


def deep_block(text: str, chance: random.Random) -> bytes:
    depth = chance.randint(65, 600)
    return (text + "".join(f"{' ' * i}d{i}:\n" for i in range(depth))).encode()


def deep_dashes(text: str, chance: random.Random) -> bytes:
    return (text + "deep:\n  " + "- " * chance.choice([65, 1_000, 100_000]) + "x\n").encode()


def bad_utf8(text: str, chance: random.Random) -> bytes:
    raw = text.encode()
    at = chance.randrange(len(raw))
    bad = chance.choice([b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\xc0\xaf", b"\x80"])
    return raw[:at] + bad + raw[at:]


def wide_encoding(text: str, chance: random.Random) -> bytes:
    return text.encode(chance.choice(["utf-16", "utf-32"]))


def control_character(text: str, chance: random.Random) -> bytes:
    at = chance.randrange(len(text))
    return (text[:at] + chance.choice("\x00\x01\x07\x08\x0b\x0c\x1b\x7f\x80\x9f\ufffe\uffff") + text[at:]).encode()


def tab_indentation(text: str, chance: random.Random) -> bytes:
    return (text + f"tabbed:\n{chance.choice(['', ' '])}\tkey: 1\n").encode()


def wrong_indentation(text: str, chance: random.Random) -> bytes:
    return (text + f"last:\n    a: 1\n{' ' * chance.choice([1, 2, 3])}b: 2\n").encode()


def unclosed(text: str, chance: random.Random) -> bytes:
    return (
        text + "open: " + chance.choice(["[1, 2", "{a: 1", '"abc', "'abc", "[{a: [", "[1, 2\nnext: 3"]) + "\n"
    ).encode()


def truncated(text: str, chance: random.Random) -> bytes:
    """Cut off inside a quoted text, so that what is left is never whole."""
    whole = text + 'last: "a quoted text that goes on for a while"\n'
    return whole[: len(text) + chance.randint(8, 40)].encode()


def stray_colon(text: str, chance: random.Random) -> bytes:
    return (text + f"said: he{chance.randint(0, 9)}: this\n").encode()


def missing_colon(text: str, chance: random.Random) -> bytes:
    return (text + f"word{chance.randint(0, 99)}\nnext: 1\n").encode()


def bad_escape(text: str, chance: random.Random) -> bytes:
    return (text + 'path: "' + chance.choice([r"C:\users", r"\ud800", r"\x4", r"\UFFFFFFFF", r"\q"]) + '"\n').encode()


def not_finite(text: str, chance: random.Random) -> bytes:
    return (text + f"number: {chance.choice(['.nan', '.inf', '-.INF', '1e999', '-1e400'])}\n").encode()


def huge_integer(text: str, chance: random.Random) -> bytes:
    return (
        text + "number: " + chance.choice(["-", "", "0x"]) + "9" * chance.choice([20, 5_000, 900_000]) + "\n"
    ).encode()


def huge_scalar(text: str, chance: random.Random) -> bytes:
    return (text + "long: " + "x" * chance.choice([1_000_000, 10_000_000]) + "\n").encode()


def too_many_values(text: str, chance: random.Random) -> bytes:
    return (text + f"many: [{'1, ' * chance.choice([150_001, *[400_000] * 9])}]\n").encode()


def second_document(text: str, chance: random.Random) -> bytes:
    return (text + chance.choice(["---\n", "...\n---\n", "...\n"]) + "kind: Other\n").encode()


def directives(text: str, chance: random.Random) -> bytes:
    lines = "".join(f"%TAG !t{i}! tag:x,{i}:\n" for i in range(chance.choice([1, 40_000])))
    return (chance.choice(["", "# first\n\n"]) + lines + "---\n" + text).encode()


def not_a_mapping(text: str, chance: random.Random) -> bytes:
    return chance.choice(
        [b"", b"\n\n", b"# nothing\n", b"- a\n- b\n", b"word\n", b"3\n", b"[]\n", b"~\n", b"\xef\xbb\xbf", b"---\n"]
    )


def noise(text: str, chance: random.Random) -> bytes:
    return chance.randbytes(chance.randint(64, 4_096))


SPOILS: dict[str, Spoil] = {
    spoil.__name__: spoil
    for spoil in (
        alias_bomb, recursive_alias, anchor, merge_key, duplicate_key, duplicate_key_inside, odd_key, tag, deep_flow,
        deep_block, deep_dashes, bad_utf8, wide_encoding, control_character, tab_indentation, wrong_indentation,
        unclosed, truncated, stray_colon, missing_colon, bad_escape, not_finite, huge_integer, huge_scalar,
        too_many_values, second_document, directives, not_a_mapping, noise,
    )
}  # fmt: skip


def unknown_key(text: str, chance: random.Random) -> bytes:
    return (text + f"{chance.choice(['nodez', 'inputz', 'excutor', 'x'])}: 1\n").encode()


def many_unknown_keys(text: str, chance: random.Random) -> bytes:
    return (text + "".join(f"unknown{i}: {i}\n" for i in range(chance.choice([100, 50_000])))).encode()


def misspelt_kind(text: str, chance: random.Random) -> bytes:
    return text.replace("kind: ", f"kind: {chance.choice(['x', 'My', '3'])}", 1).encode()


def missing_kind(text: str, chance: random.Random) -> bytes:
    return text.split("\n", 1)[1].encode()


def missing_name(text: str, chance: random.Random) -> bytes:
    return _replace_line(text, 1, f"label: x{chance.randint(0, 9)}")


def wrong_type(text: str, chance: random.Random) -> bytes:
    return _replace_line(text, 1, f"name: {chance.choice(['3', '[a]', '{a: b}', 'null', 'true', '1.5'])}")


MISFITS: dict[str, Spoil] = {
    spoil.__name__: spoil
    for spoil in (unknown_key, many_unknown_keys, misspelt_kind, missing_kind, missing_name, wrong_type)
}


def write(folder: Path, count: int, seed: int) -> None:
    """Files named number-what.yaml, nine tenths malformed, one tenth misfits."""
    folder.mkdir(parents=True, exist_ok=True)
    documents = malformed(count - count // 10, seed) + misfits(count // 10, seed)
    for number, (name, content) in enumerate(documents):
        (folder / f"{number:05d}-{name}.yaml").write_bytes(content)


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 0)
