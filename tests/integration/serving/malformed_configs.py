"""Broken configurations without end: Endpoint documents, configurations of Triton's own, and what a backend cannot do.

The same for the same seed. Those of HugeCTR and HPS are `cmcore_hps.config.corpus`.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

import yaml
from pydantic import JsonValue

from cmcore.serving.backend import Capabilities
from cmcore.serving.document import Protocol
from tests.unit.document.malformed import MISFITS, SPOILS

Chance = random.Random
Document = dict[str, JsonValue]
Keys = tuple[str | int, ...]
VALID: Document = {
    "kind": "Endpoint",
    "name": "delays",
    "description": "how late flights are",
    "backend": "triton",
    "variants": [
        {"name": "main", "model": "flights@champion", "share": 100.0},
        {"name": "next", "model": "flights@1.2.3", "share": 0.0, "deployment": {"devices": ["cpu"], "instances": 2}},
    ],
    "protocols": ["rest", "grpc"],
    "deployment": {
        "devices": ["gpu:0", "cpu"], "cpu_cores": 2.0, "memory_mib": 1024, "gpus": 0.5, "instances": 2,
        "autoscaling": {"min_instances": 1, "max_instances": 4, "target_ongoing_requests": 2.5, "upscale_delay_s": 3.0},
    },
    "inference": {
        "flavor": "onnx",
        "inputs": [{"name": "distance", "datatype": "FP64", "shape": [1], "optional": False}],
        "outputs": [{"name": "delayed", "datatype": "FP32", "shape": [1]}],
        "batching": {"max_batch_size": 32, "preferred_batch_sizes": [8, 16], "max_delay_us": 500, "enabled": True},
        "queue": {"max_size": 100, "timeout_us": 1000, "priority_levels": 2},
        "instance_groups": [{"kind": "cpu", "count": 2}, {"kind": "gpu", "count": 1, "gpus": [0]}],
        "warm_up": {"requests": 3, "batch_sizes": [1, 8], "source": "auto", "timeout_s": 10.5},
        "rate_limit": {"resources": {"seat": 1}, "priority": 1},
        "ensemble": [{"model": "words@1.0.0", "inputs": {"text": "text"}, "outputs": {"length": "length"}}],
        "parameters": {"tokenizer": "words"},
        "threads": 2,
        "load_timeout_s": 60.5,
    },
    "monitoring": {"metrics": True, "latency_slo_ms": 20.5},
    "draining": {"quiet_s": 1.5, "timeout_s": 30.5},
    "infra_blessing": False,
}  # fmt: skip
BEYOND: Mapping[Keys, tuple[JsonValue, ...]] = {
    ("name",): ("", "Delays", "a" * 49, "-a", "a_b", "ünder", "a b", "../a"),
    ("backend",): ("",),
    ("variants",): ([],),
    ("variants", 0, "share"): (101.0, -1.0, 99.5, 0.0, 50.0, 1e308),
    ("variants", 1, "share"): (100.0, 0.5, -0.1),
    ("variants", 0, "name"): ("next", "Main", ""),
    ("variants", 0, "model"): ("",),
    ("protocols",): ([], ["rset"], ["REST"], ["rest", "http"]),
    ("deployment", "devices"): ([], ["cuda"], ["gpu:"], ["gpu:1000"], ["gpu:-1"], ["cpu", "tpu"]),
    ("deployment", "cpu_cores"): (0.0, -1.0, 4097.0, 1e300),
    ("deployment", "memory_mib"): (0, -1),
    ("deployment", "gpus"): (-0.5, 65.0),
    ("deployment", "instances"): (0, -1, 1025, 2**62),
    ("deployment", "autoscaling", "min_instances"): (-1, 5, 10_001),
    ("deployment", "autoscaling", "max_instances"): (0, 10_001),
    ("deployment", "autoscaling", "target_ongoing_requests"): (0.0, -2.5),
    ("inference", "inputs", 0, "datatype"): ("FP31", "fp32", "", "float"),
    ("inference", "inputs", 0, "shape"): ([-2], [1, -7]),
    ("inference", "inputs", 0, "name"): ("",),
    ("inference", "batching", "max_batch_size"): (0, -1, 1_000_001),
    ("inference", "batching", "preferred_batch_sizes"): ([0], [8, -8]),
    ("inference", "batching", "max_delay_us"): (-1,),
    ("inference", "queue", "priority_levels"): (-1, 101),
    ("inference", "instance_groups", 0, "kind"): ("tpu", "GPU", ""),
    ("inference", "instance_groups", 0, "count"): (0, 1025),
    ("inference", "instance_groups", 1, "gpus"): ([-1],),
    ("inference", "warm_up", "source"): ("guess", ""),
    ("inference", "warm_up", "batch_sizes"): ([0], [-1]),
    ("inference", "warm_up", "timeout_s"): (0.0, -1.0),
    ("inference", "rate_limit", "resources"): ({"seat": 0}, {"seat": -1}),
    ("inference", "ensemble", 0, "model"): ("",),
    ("inference", "threads"): (0, 1025),
    ("inference", "load_timeout_s"): (0.0, -5.0),
    ("monitoring", "latency_slo_ms"): (0.0, -1.0),
    ("draining", "timeout_s"): (-1.0,),
}
REQUIRED: tuple[Keys, ...] = (
    ("name",), ("backend",), ("variants",), ("variants", 0, "model"), ("variants", 1, "model"),
    ("inference", "inputs", 0, "name"), ("inference", "inputs", 0, "datatype"), ("inference", "outputs", 0, "name"),
    ("inference", "ensemble", 0, "model"), ("inference", "ensemble", 0, "inputs"),
)  # fmt: skip


def places(value: JsonValue, path: Keys = ()) -> Iterator[tuple[Keys, JsonValue]]:
    """Every value below one, with the way to it."""
    items: list[tuple[str | int, JsonValue]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    for key, item in items:
        yield (*path, key), item
        yield from places(item, (*path, key))


def holder(document: Document, path: Keys) -> dict[object, JsonValue]:
    """What a path's last key is a key of."""
    found: object = document
    for key in path[:-1]:
        found = found[key]  # type: ignore[index]  # the path leads there
    return cast("dict[object, JsonValue]", found)


def wrong_type(document: Document, chance: Chance) -> None:
    """A value is of another type."""
    path, value = chance.choice(list(places(document)))
    wrong: Mapping[type, tuple[JsonValue, ...]] = {
        str: (7, 1.5, [], {}, True), bool: ("yes", 1, 0, [], None), int: ("3", 1.5, [], {}, True, None),
        float: ("1.5", [], {}, True), list: ("x", 7, {"a": 1}, True), dict: (7, "x", [1], True),
    }  # fmt: skip
    holder(document, path)[path[-1]] = chance.choice(wrong[type(value)])


def wrong_value(document: Document, chance: Chance) -> None:
    """A value is beyond what its key can have; shares do not come to one hundred at one variant."""
    path = chance.choice(list(BEYOND))
    holder(document, path)[path[-1]] = copy.deepcopy(chance.choice(BEYOND[path]))


def unknown_key(document: Document, chance: Chance) -> None:
    """A key is misspelled, at any depth."""
    free = ("parameters", "resources", "inputs", "outputs")
    known = [
        path for path, _ in places(document) if isinstance(path[-1], str) and not (len(path) > 1 and path[-2] in free)
    ]
    path = chance.choice([path for path in known if len(path) > 1])
    key = str(path[-1])
    holder(document, path)[chance.choice([f"{key}s", key[:-1] + "x", key.upper(), f" {key}", "odd", "<<"])] = "x"


def missing_key(document: Document, chance: Chance) -> None:
    """A required key is not there."""
    path = chance.choice(REQUIRED)
    del holder(document, path)[path[-1]]


MEANINGS: Mapping[str, Callable[[Document, Chance], None]] = {
    spoil.__name__: spoil for spoil in (wrong_type, wrong_value, unknown_key, missing_key)
}
SLOW = ("huge_scalar", "too_many_values", "directives", "many_unknown_keys", "huge_integer")  # megabytes each


def endpoints(count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """So many broken Endpoint documents, each named after what was done to it: two thirds are YAML that means nothing,
    the others are no YAML; a few are of megabytes."""
    chance = random.Random(seed)
    texts = {**SPOILS, **MISFITS}
    names = [name for name in sorted(texts) if name not in (*SLOW, "missing_kind")]  # the kind is given by the reader
    text = yaml.safe_dump(VALID, sort_keys=False)
    for number in range(count):
        if number % 3 == 0:
            name = [*names, SLOW[number % len(SLOW)]][number // 3 % (len(names) + 1)]
            yield name, texts[name](text, chance)
            continue
        document = copy.deepcopy(VALID)
        name = list(MEANINGS)[number % len(MEANINGS)]
        MEANINGS[name](document, chance)
        yield name, yaml.safe_dump(document, sort_keys=False, allow_unicode=True).encode()


PBTXT = """max_batch_size: 8
input { name: "distance" data_type: TYPE_FP64 dims: 1 }
input { name: "hour" data_type: TYPE_INT64 dims: 1 }
input { name: "carrier" data_type: TYPE_STRING dims: 1 }
output { name: "delayed" data_type: TYPE_FP32 dims: 1 }
instance_group { count: 1 kind: KIND_CPU }
dynamic_batching { max_queue_delay_microseconds: 100 }
"""
AS_JSON = json.dumps(
    {
        "max_batch_size": 8,
        "output": [{"name": "delayed", "data_type": "TYPE_FP32", "dims": ["1"]}],
        "instance_group": [{"count": 1, "kind": "KIND_CPU"}],
        "dynamic_batching": {"max_queue_delay_microseconds": "100"},
    }
)
REPLACED: tuple[tuple[str, str], ...] = (
    ("max_batch_size", "max_batch_siz"), ("instance_group", "instance_groups"), ("dynamic_batching", "dynamicbatch"),
    ("KIND_CPU", "KIND_TPU"), ("TYPE_FP32", "TYPE_FLOAT"), ("TYPE_FP32", "TYPE_FP16"), ("8", "many"),
    ("8", "99999999999"),
    ("8", "1.5"), ("8", "[[8]]"), ("delayed", "late"), ("microseconds", "milliseconds"), ("100", "-1"), ("100", "1e99"),
    ('"delayed"', "7"), ("count", "counts"), ("1", '"x"'),
)  # fmt: skip
BROKEN: tuple[str, ...] = (
    "name: 'another'\n", '{"name": "another"}', "input { name: 'q' data_type: TYPE_FP64 dims: 1 }\n",
    "input { name: 'distance' data_type: TYPE_FP64 dims: 2 }\n", "input { name: 'distance' data_type: TYPE_FP64 }\n",
    "output { name: 'delayed' data_type: TYPE_INT32 dims: 1 }\n", "{", "{]", "{{}}", "input {\n", "input [\n", "}\n",
    "\n}",
    "\n\x00", "a: b\n", "no_such_file.pbtxt", "../../etc/passwd", "/dev/null/x", "{" * 5000, '{"a":' * 100_000,
    '{"max_batch_size": ' + "[" * 100_000, "input {" * 50_000 + "\n", "\n\ud800", '{"max_batch_size": NaN}', "a" * 400,
    '{"input": {"name": 1}}', '{"input": null, "input": []}', "max_batch_size: 8 max_batch_size: 9\n", "x\x00.pbtxt",
    "{'max_batch_size': 8}", "# only a comment: {\n}", '{"max_batch_size": ' + "9" * 10_000 + "}", "/",
)  # fmt: skip


def server_configs(count: int, seed: int) -> Iterator[str | dict[str, JsonValue]]:
    """So many configurations of Triton's own that are none, or that contradict the model; text, JSON and mappings."""
    chance = random.Random(seed)
    yield from BROKEN
    for number in range(count - len(BROKEN)):
        text = chance.choice([PBTXT, AS_JSON])
        if number % 2:
            mark = chance.choice('"{}[]:' if text is AS_JSON else '"{}')
            at = chance.choice([index for index, each in enumerate(text) if each == mark])
            yield text[:at] + chance.choice(["", mark * 2]) + text[at + 1 :]
            continue
        old, new = chance.choice([pair for pair in REPLACED if pair[0] in text])
        changed = text.replace(old, new, 1)
        yield changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfitting:
    """What a document asks for that a server cannot do, and where that is."""

    changes: Document
    pointer: str
    able: Capabilities


NOTHING = Capabilities(server="nothing", protocols=frozenset({Protocol.REST}), flavors=frozenset({"sklearn"}))
EVERYTHING = Capabilities(
    server="everything", devices=frozenset({"cpu", "gpu", "gpu:0", "gpu:1"}), batching=True, queue_policy=True,
    response_cache=True, rate_limit=True, instance_groups=True, ensembles=True, autoscaling=True, fractional_gpus=True,
    server_config=True,
)  # fmt: skip
IMPOSSIBLE: tuple[tuple[str, Document, str], ...] = (
    ("deployment", {"devices": ["gpu"], "gpus": 1}, "/devices/0"),
    ("deployment", {"devices": ["cpu", "gpu:7"], "gpus": 1}, "/devices/1"),
    ("deployment", {"gpus": 0.5}, "/gpus"),
    ("deployment", {"autoscaling": {"max_instances": 3}}, "/autoscaling"),
    ("inference", {"response_cache": True}, "/response_cache"),
    ("inference", {"rate_limit": {"resources": {"seat": 1}}}, "/rate_limit"),
    ("inference", {"instance_groups": [{"kind": "cpu", "count": 2}]}, "/instance_groups"),
    ("inference", {"ensemble": [{"model": "a@1.0.0", "inputs": {}, "outputs": {}}]}, "/ensemble"),
    ("inference", {"server_config": {"max_batch_size": 3}}, "/server_config"),
    ("inference", {"server_config": "config.pbtxt"}, "/server_config"),
    ("inference", {"queue": {"max_size": 3}}, "/queue"),
    ("inference", {"queue": {"timeout_us": 3}}, "/queue"),
    ("inference", {"queue": {"priority_levels": 3}}, "/queue"),
    ("inference", {"batching": {"max_delay_us": 5}}, "/batching/max_delay_us"),
    ("inference", {"flavor": "onnx"}, "/flavor"),
)
CONTRADICTORY: tuple[tuple[str, Document, str], ...] = (
    ("deployment", {"devices": ["gpu:0"]}, "/gpus"),
    ("inference", {"batching": {"max_batch_size": 4, "preferred_batch_sizes": [2, 8]}},
     "/batching/preferred_batch_sizes/1"),
    ("inference", {"batching": {"max_batch_size": 4}, "warm_up": {"batch_sizes": [1, 4, 5]}}, "/warm_up/batch_sizes/2"),
    ("inference", {"instance_groups": [{"kind": "gpu", "gpus": [1]}]}, "/instance_groups/0/gpus"),
    ("inference", {"inputs": [{"name": "q", "datatype": "FP64"}]}, "/inputs/0/name"),
    ("inference", {"inputs": [{"name": "hour", "datatype": "FP64"}]}, "/inputs/0/datatype"),
    ("inference", {"outputs": [{"name": "late", "datatype": "FP32"}]}, "/outputs/0/name"),
    ("inference", {"outputs": [{"name": "delayed", "datatype": "INT64"}]}, "/outputs/0/datatype"),
)  # fmt: skip


def pairs() -> Iterator[Misfitting]:
    """Documents that are right, and ask for what cannot be: at the endpoint, at its variant, and at the second one."""
    yield Misfitting(changes={"protocols": ["grpc"]}, pointer="/protocols/0", able=NOTHING)
    yield Misfitting(changes={"protocols": ["rest", "grpc"]}, pointer="/protocols/1", able=NOTHING)
    for cases, able in ((IMPOSSIBLE, NOTHING), (CONTRADICTORY, EVERYTHING)):
        for part, config, place in cases:
            main: JsonValue = {"name": "main", "model": "flights@1.0.0"}
            own: JsonValue = {"name": "own", "model": "flights@1.0.0", part: config}
            none: JsonValue = {"name": "other", "model": "flights@1.0.0", "share": 0}
            yield Misfitting(changes={part: config, "variants": [main]}, pointer=f"/{part}{place}", able=able)
            yield Misfitting(changes={"variants": [own, none]}, pointer=f"/variants/0/{part}{place}", able=able)
            moved = {**cast(Document, own), "share": 0}
            yield Misfitting(changes={"variants": [main, moved]}, pointer=f"/variants/1/{part}{place}", able=able)
