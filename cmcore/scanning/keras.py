"""Keras models: what a saved configuration would run when it is loaded. `.keras` holds JSON, HDF5 holds it as text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from cmcore.scanning.budget import MIB, Budget
from cmcore.scanning.finding import Danger, Peril
from cmcore.scanning.source import Source

CONFIG_FILE = "config.json"
CONFIG_MAX = 4 * MIB
PERILS_MAX = 100
HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
HDF5_OFFSETS = (0, 512, 1024, 2048)
RUNNING = ("Lambda", "TorchModuleWrapper")  # Python bytecode, a pickle
PACKAGES = ("keras", "tensorflow", "keras_core", "keras_hub", "keras_cv", "keras_nlp")
FUNCTIONS = {"activations", "constraints", "initializers", "losses", "metrics", "regularizers", "ops"}
RUNNING_TEXT = re.compile(rb'"class_name"\s*:\s*"(' + "|".join(RUNNING).encode() + rb')"')
MODULE_TEXT = re.compile(rb'"module"\s*:\s*"([^"]{0,200})"')
ESCAPED = re.compile(rb"\\u00[2-7][0-9a-fA-F]")
CHUNK_BYTES, OVERLAP_BYTES = 4 * MIB, 1024


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What is left of a layer's options that name a file of words."""

    path: str


def is_hdf5(source: Source) -> bool:
    """Whether it is an HDF5 file; its header may stand a little later."""
    return any(source.read(offset, 8) == HDF5_MAGIC for offset in HDF5_OFFSETS)


def in_config(source: Source) -> Iterator[Peril]:
    """Perils of a `config.json` that may be Keras's."""
    if source.size > CONFIG_MAX:
        yield Peril(danger=Danger.HOSTILE, what=f"a configuration of {source.size} bytes")
        return
    found: list[Peril] = []
    try:
        json.loads(source.read(0, source.size), object_pairs_hook=lambda pairs: _node(dict(pairs), found))
    except (ValueError, RecursionError):
        found.append(Peril(danger=Danger.HOSTILE, what="a configuration that cannot be read"))
    yield from found[:PERILS_MAX]


def _node(node: dict[str, object], found: list[Peril]) -> object:
    """Look at one mapping; what is left of it is all that its parent must know: the file that it names."""
    name, module, config = node.get("class_name"), node.get("module"), node.get("config")
    if name in RUNNING:
        found.append(Peril(danger=Danger.CODE, what=f"a Keras {name} layer, whose code runs when the model is loaded"))
    if isinstance(name, str) and isinstance(module, str) and not _keras_own(name, module):
        found.append(Peril(danger=Danger.CODE, what=f"a Keras configuration that imports {module}.{name}"[:300]))
    if name is not None and isinstance(config, Vocabulary):
        what = f"a Keras configuration that reads {config.path[:200]!r} when it is loaded"
        found.append(Peril(danger=Danger.HOSTILE, what=what))
    vocabulary = node.get("vocabulary")
    return Vocabulary(vocabulary) if isinstance(vocabulary, str) else None


def _keras_own(name: str, module: str) -> bool:
    if not any(module == package or module.startswith(package + ".") for package in PACKAGES):
        return False
    return name != "function" or bool(FUNCTIONS & set(module.split(".")))


def in_hdf5(source: Source, budget: Budget) -> Iterator[Peril]:
    """Perils of a configuration inside an HDF5 file, found by its text: nothing there may hide behind escapes."""
    for at in range(0, source.size, CHUNK_BYTES):
        budget.check_time()
        chunk = source.read(at, CHUNK_BYTES + OVERLAP_BYTES)
        for match in RUNNING_TEXT.finditer(chunk):
            yield Peril(
                danger=Danger.CODE, what=f"a Keras {match[1].decode()} layer, whose code runs when it is loaded"
            )
        for match in MODULE_TEXT.finditer(chunk):
            module = match[1].decode("utf-8", "replace")
            if module.partition(".")[0] not in PACKAGES:
                yield Peril(danger=Danger.CODE, what=f"a Keras configuration that imports from {module!r}")
        if b'"class_name"' in chunk and ESCAPED.search(chunk):
            yield Peril(
                danger=Danger.HOSTILE, what="a Keras configuration with escaped ASCII letters, as no writer makes"
            )
