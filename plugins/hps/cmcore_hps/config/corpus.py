"""Broken files to try readers with: the same for the same seed, each with the rules of which one must be found.

Every sample is a set of files that agree, broken in one place in a way that cannot be right.
"""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from pydantic import JsonValue

from cmcore_hps.config.dialect import Dialect
from cmcore_hps.config.finding import File
from cmcore_hps.config.key import Kind
from cmcore_hps.config.reading import MODEL

Document = dict[str, JsonValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Three files of which `broken` is; `rules` has one that must be found in it, `where` a part of its place."""

    ps: bytes
    pbtxt: bytes
    network: bytes
    broken: File
    rules: frozenset[str]
    what: str
    where: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """Files that agree: where a corpus begins."""

    dialect: Dialect
    ps: Document
    pbtxt: str
    network: Document

    @property
    def entry(self) -> Document:
        """The one model."""
        return cast("list[Document]", self.ps["models"])[0]


Chance = random.Random
Break = Callable[[Whole, Chance], Sample]
TABLES = 2
NETWORK: Document = {
    "layers": [
        {
            "name": "data", "type": "Data", "label": {"top": "label", "label_dim": 1},
            "dense": {"top": "dense", "dense_dim": 13},
            "sparse": [
                {"top": "wide_data", "slot_num": 2, "is_fixed_length": False, "nnz_per_slot": 1},
                {"top": "deep_data", "slot_num": 26, "is_fixed_length": False, "nnz_per_slot": 1},
            ],
        },
        {
            "name": "sparse_embedding2", "type": "DistributedSlotSparseEmbeddingHash", "bottom": "wide_data",
            "top": "sparse_embedding2", "sparse_embedding_hparam": {"embedding_vec_size": 1, "combiner": "sum"},
        },
        {
            "name": "sparse_embedding1", "type": "LocalizedSlotSparseEmbeddingHash", "bottom": "deep_data",
            "top": "sparse_embedding1", "sparse_embedding_hparam": {"embedding_vec_size": 16, "combiner": "sum"},
        },
        {"name": "fc1", "type": "InnerProduct", "bottom": "dense", "top": "fc1", "fc_param": {"num_output": 1}},
    ]
}  # fmt: skip
SHARED: Document = {
    "model": "wdl", "sparse_files": ["/model/wdl/1/wdl0_sparse.model", "hdfs://repo/wdl/1/wdl1_sparse.model"],
    "dense_file": "/model/wdl/1/wdl_dense.model", "network_file": "/model/wdl/1/wdl.json", "max_batch_size": 1024,
    "gpucache": True, "gpucacheper": 0.5, "hit_rate_threshold": 0.9, "num_of_worker_buffer_in_pool": 4,
    "num_of_refresher_buffer_in_pool": 1, "cache_refresh_percentage_per_iteration": 0.2,
    "deployed_device_list": [0, 1], "default_value_for_each_table": [0.0, 0.0],
}  # fmt: skip
HIERARCHICAL: Document = {
    "maxnum_catfeature_query_per_table_per_sample": [2, 26], "embedding_vecsize_per_table": [1, 16],
    "embedding_table_names": ["sparse_embedding2", "sparse_embedding1"],
}  # fmt: skip
VOLATILE: Document = {"type": "parallel_hash_map", "num_partitions": 8, "overflow_policy": "evict_random"}
REST = """output [
  { name: "OUTPUT0" data_type: TYPE_FP32 dims: [ -1 ] }
]
instance_group [
  { count: 2 kind: KIND_GPU gpus: [ 0, 1 ] }
]
"""
INPUTS = {
    Dialect.HUGECTR: ("DES TYPE_FP32", "CATCOLUMN TYPE_INT64", "ROWINDEX TYPE_INT32"),
    Dialect.HPS: ("KEYS TYPE_INT64", "NUMKEYS TYPE_INT32"),
}


def whole(dialect: Dialect) -> Whole:
    """Files that agree, for one of the backends."""
    inputs = ",\n".join(
        f'  {{ name: "{name}" data_type: {kind} dims: [ -1 ] }}' for name, kind in map(str.split, INPUTS[dialect])
    )
    head = f'name: "wdl"\nbackend: "{dialect.backend}"\nmax_batch_size: 1024\ninput [\n{inputs}\n]\n'
    config = 'parameters { key: "config" value { string_value: "/model/wdl/1/wdl.json" } }\n'
    old = dialect is Dialect.HUGECTR
    entry = copy.deepcopy(SHARED if old else SHARED | HIERARCHICAL)
    return Whole(
        dialect=dialect,
        ps={"supportlonglong": True, "volatile_db": copy.deepcopy(VOLATILE), "models": [entry]},
        pbtxt=head + REST + (config if old else ""),
        network=copy.deepcopy(NETWORK),
    )


def corpus(seed: int, n: int) -> Iterator[Sample]:
    """So many broken sets of files, the same for the same seed."""
    chance = random.Random(seed)  # noqa: S311 # files to try readers with
    for _ in range(n):
        yield chance.choice(BREAKS)(whole(chance.choice(list(INPUTS))), chance)


def broken_ps(files: Whole, rules: set[str], what: str, where: str = "", *, text: bytes | None = None) -> Sample:
    """The set with its `ps.json` broken."""
    return Sample(
        ps=text if text is not None else encoded(files.ps), pbtxt=files.pbtxt.encode(), network=encoded(files.network),
        broken=File.PS, rules=frozenset(rules), what=what, where=where,
    )  # fmt: skip


def broken_pbtxt(files: Whole, rules: set[str], what: str, text: str, where: str = "") -> Sample:
    """The set with its `config.pbtxt` broken."""
    return Sample(
        ps=encoded(files.ps), pbtxt=text.encode(), network=encoded(files.network), broken=File.PBTXT,
        rules=frozenset(rules), what=what, where=where,
    )  # fmt: skip


def broken_network(files: Whole, rules: set[str], what: str) -> Sample:
    """The set with its `network.json` broken."""
    return Sample(
        ps=encoded(files.ps), pbtxt=files.pbtxt.encode(), network=encoded(files.network), broken=File.NETWORK,
        rules=frozenset(rules), what=what,
    )  # fmt: skip


def encoded(document: Document) -> bytes:
    """A document as a file."""
    return json.dumps(document, indent=2).encode()


def without_key(files: Whole, chance: Chance) -> Sample:
    """A key that the reader requires is missing."""
    required = [name for name, key in MODEL.items() if files.dialect in key.required]
    name = chance.choice(required)
    del files.entry[name]
    return broken_ps(files, {"E4-required", "E4-required-filled"}, f"{name} is missing", name)


def with_strange_key(files: Whole, chance: Chance) -> Sample:
    """A key is misspelled: letters swapped, lost or doubled."""
    place = chance.choice([files.ps, files.entry, cast("Document", files.ps["volatile_db"])])
    name = chance.choice(list(place))
    at = chance.randrange(len(name) - 1)
    swapped = f"{name[:at]}{name[at + 1]}{name[at]}{name[at + 2 :]}"
    strange = chance.choice([swapped, name[:at] + name[at + 1 :], name[:at] + name[at] + name[at:], name.upper()])
    strange = strange if strange != name else f"{name}s"
    place[strange] = copy.deepcopy(place[name])
    return broken_ps(files, {"E4-unknown-key"}, f"{name} is spelled {strange}", strange)


WRONG: Mapping[Kind, tuple[JsonValue, ...]] = {
    Kind.BOOL: ("perhaps", 2, None, [], {}, 0.5),
    Kind.INT: ("many", None, [1], {}, 2.5, True, 2**40, "12x", ""),
    Kind.SIZE: ("many", None, [1], {}, 2.5, False, -1, 2**70, "0x10"),
    Kind.FLOAT: ("half", None, [0.5], {}, True, "0,5", 1e300),
    Kind.TEXT: (5, None, True, ["a"], {}),
    Kind.ENUM: ("redsi", "", None, 1, [], "parallel map of hashes"),
    Kind.INTS: (None, {}, ["zero"], [0.5], [None], [[0]], [2**33]),
    Kind.SIZES: (None, {}, ["one", 2], [-1, 1], [1.5, 1], [None, 1]),
    Kind.FLOATS: (None, {}, ["x", 0], [None, 0], [[], 0], [1e39, 0]),
    Kind.TEXTS: (None, {}, [1, 2], [None, "a"], [["a"], "b"], True),
}
WRONG_RULES = {"E4-type", "E4-range", "E4-enum-unknown"}


def with_wrong_value(files: Whole, chance: Chance) -> Sample:
    """A value has a type or a size that its key cannot have."""
    name = chance.choice([name for name in files.entry if name in MODEL])
    files.entry[name] = value = chance.choice(WRONG[MODEL[name].kind])
    return broken_ps(files, WRONG_RULES, f"{name} is {value!r}", name)


def with_wrong_word(files: Whole, chance: Chance) -> Sample:
    """A choice of the database is no known word."""
    name = chance.choice(["type", "overflow_policy"])
    value = chance.choice(WRONG[Kind.ENUM])
    cast("Document", files.ps["volatile_db"])[name] = value
    return broken_ps(files, WRONG_RULES, f"{name} is {value!r}", name)


def with_text_for_number(files: Whole, chance: Chance) -> Sample:
    """A number, a boolean or a list is written as a text."""
    typed = [name for name, value in files.entry.items() if not isinstance(value, str) and name in MODEL]
    name = chance.choice([name for name in typed if MODEL[name].kind is not Kind.TEXTS])
    value = files.entry[name]
    files.entry[name] = [str(each) for each in value] if isinstance(value, list) else str(value)
    return broken_ps(files, {"E4-string-typed"}, f"{name} is a text", name)


def with_other_length(files: Whole, chance: Chance) -> Sample:
    """A list with one element per table is longer or shorter."""
    lists = ["default_value_for_each_table"]
    lists += [] if files.dialect is Dialect.HUGECTR else list(HIERARCHICAL)
    name = chance.choice(lists)
    value = cast("list[JsonValue]", files.entry[name])
    files.entry[name] = chance.choice([value[:1], [*value, *[value[0]] * chance.randint(1, 5)], value * 40])
    return broken_ps(files, {"E4-tables-length", "E4-defaults-length"}, f"{name} has another length", name)


def damaged(files: Whole, chance: Chance) -> Sample:
    """The bytes of `ps.json` are cut, or hold what JSON cannot."""
    raw = encoded(files.ps)
    at = chance.randrange(1, len(raw) - 2)
    inside = chance.choice([raw[: at + 1], raw[:at] + b"\0" + raw[at:], raw[:at] + b"\xff" + raw[at:], raw + b"}"])
    return broken_ps(files, {"E4-json-syntax", "E4-text-encoding"}, "the bytes are damaged", text=inside)


def said_twice(files: Whole, chance: Chance) -> Sample:
    """A key stands twice."""
    name = chance.choice(list(files.entry))
    member = f"{json.dumps(name)}: {json.dumps(files.entry[name])}, "
    raw = json.dumps(files.ps).replace('{"model"', "{" + member + '"model"')
    return broken_ps(files, {"E4-json-duplicate"}, f"{name} stands twice", name, text=raw.encode())


PBTXT_BREAKS: tuple[tuple[str, str, str, str], ...] = (
    (r"max_batch_size: 1024", "max_batch_siz: 1024", "E5-pbtxt-field", "a field is misspelled"),
    (r"TYPE_INT32", "TYPE_INTEGER", "E5-pbtxt-value", "a type is unknown"),
    (r"max_batch_size: 1024", "max_batch_size: 99999999999", "E5-pbtxt-value", "a number is too great"),
    (r"max_batch_size: 1024", "max_batch_size: ", "E5-pbtxt-", "a value is missing"),
    (r"input \[\n.*\n", "input [\n", "E5-input-count", "an input is missing"),
    (r'name: "(KEYS|DES)"', 'name: "INPUT__0"', "E5-input-name", "an input has another name"),
    (r"TYPE_INT32", "TYPE_FP64", "E5-input-type", "an input is of another type"),
    (r"TYPE_INT64 dims: \[ -1 \]", "TYPE_INT64 dims: [ 26 ]", "E5-input-dims", "an input has another shape"),
    (r"output \[\n.*\n\]\n", "", "E5-output-count", "the output is missing"),
    (r'"OUTPUT0" data_type: TYPE_FP32', '"OUTPUT0" data_type: TYPE_FP16', "E5-output-type", "the output differs"),
    (r'FP32 dims: \[ -1 \] }\n\]\ninst', "FP32 dims: [ 1 ] }\n]\ninst", "E5-output-dims", "another shape"),
    (r"instance_group \[\n.*\n\]\n", "", "E5-instance-group", "instance_group is missing"),
    (r"KIND_GPU", "KIND_CPU", "E5-instance-kind", "instances are on the CPU"),
    (r"gpus: \[ 0, 1 \]", "gpus: [ 0, 7 ]", "E5-instance-gpus", "a GPU is not deployed on"),
    (r"count: 2", "count: 9", "E5-instance-count", "there are too many instances"),
    (r'backend: "\w+"', 'backend: "pytorch"', "E5-backend", "the backend is another"),
    (r'name: "wdl"', 'name: "dlrm"', "E4-model-name", "the model has another name"),
    (r"max_batch_size: 1024", "max_batch_size: 512", "E4-max-batch-", "max_batch_size differs"),
    (r"\]\n$", "", "E5-pbtxt-", "a bracket is missing"),
)  # fmt: skip


def damaged_pbtxt(files: Whole, chance: Chance) -> Sample:
    """A field of `config.pbtxt` is another, or is missing."""
    fitting = [each for each in PBTXT_BREAKS if re.search(each[0], files.pbtxt)]
    pattern, put, rule, what = chance.choice(fitting)
    return broken_pbtxt(files, {rule}, what, re.sub(pattern, put, files.pbtxt, count=1))


def damaged_network(files: Whole, chance: Chance) -> Sample:
    """A layer of the network lacks something."""
    layers = cast("list[Document]", files.network["layers"])
    data = layers[0]
    at, key, rules = chance.choice(
        [
            (0, "sparse", {"E5-network-data"}), (0, "label", {"E5-network-data"}), (0, "dense", {"E5-network-data"}),
            (1, "top", {"E5-network-embedding"}), (2, "sparse_embedding_hparam", {"E5-network-embedding"}),
            (chance.choice([1, 2, 3]), "type", {"E5-network-layers"}), (0, "type", {"E5-network-layers"}),
        ]
    )  # fmt: skip
    if chance.random() < 0.2:
        cast("list[Document]", data["sparse"])[0].pop(chance.choice(["slot_num", "nnz_per_slot", "top"]))
        return broken_network(files, {"E5-network-sparse"}, "a sparse input lacks a key")
    del layers[at][key]
    return broken_network(files, rules, f"layer {at} lacks {key}")


BREAKS: tuple[Break, ...] = (
    without_key, with_strange_key, with_wrong_value, with_wrong_word, with_text_for_number, with_other_length, damaged,
    said_twice, damaged_pbtxt, damaged_pbtxt, damaged_pbtxt, damaged_network,
)  # fmt: skip
