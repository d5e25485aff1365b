"""A `config.pbtxt` as a TritonModel: protobuf text, or the same as JSON, with the places of its fields.

The only module that imports tritonclient, and only when it reads one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cmcore.document.wording import did_you_mean
from cmcore_hps.config.finding import Findings, Place
from cmcore_hps.config.json_text import Node, parsed, plain
from cmcore_hps.config.text import DEPTH_MAX, Text
from cmcore_hps.config.triton_model import InstanceGroup, TensorConfig, TritonModel

if TYPE_CHECKING:
    from google.protobuf.message import Message  # type: ignore[import-untyped] # protobuf ships no types

CAPITAL = re.compile(r"[A-Z]")
PLACED = re.compile(r"(\d+):(\d+) : (?:'(?:[^'\\]|\\.)*': )?(.*)", re.DOTALL)
NO_FIELD = re.compile(r'has no field named "([^"]*)"')
NO_VALUE = re.compile(r'Enum type "[\w.]*?(\w+)" has no value named ([^ ]+?)\.?$')
WRONG_VALUE = ("out of range", "Couldn't parse", "Failed to parse", "Invalid enum value", "Expected integer")
ENDS = ("}", ">", "")
TOKENS = re.compile(
    r"""(?P<skip>\s+|\#[^\n]*|[,;:])|(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|(?P<mark>[{}<>\[\]])|(?P<word>[^\s{}<>\[\],;:"'\#]+)"""
)


@dataclass(slots=True)
class ModelReading:
    """What was read, and where each field stands; paths are such as `input[0].dims`."""

    findings: Findings
    model: TritonModel
    places: dict[str, Place] = field(default_factory=dict)

    def add(self, rule: str, path: str, message: str, fix: str) -> None:
        """One more finding, at the nearest field that is there."""
        self.findings.add(rule, path, message, fix, place=self.place(path))

    def place(self, path: str) -> Place:
        """Where a field stands, or the nearest one around it."""
        while path and path not in self.places:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.places.get(path, (1, 1))


def read_pbtxt(text: Text, findings: Findings) -> ModelReading | None:
    """The model configuration; None where the text is none."""
    try:
        from google.protobuf import text_format  # type: ignore[import-untyped] # it ships no types
        from tritonclient.grpc.model_config_pb2 import ModelConfig
    except ImportError as error:
        findings.add(
            "E5-pbtxt-library", "", f"a config.pbtxt cannot be read here: {error}", "pip install 'tritonclient[grpc]'"
        )
        return None
    message: Message = ModelConfig()
    if text.content.lstrip().startswith("{"):
        return from_json(text, findings, message)
    if nesting(text.content) > DEPTH_MAX:
        findings.add("E4-text-limit", "", f"messages nest more than {DEPTH_MAX} deep", "take the nesting apart")
        return None
    for unknown in (False, True):  # once more over unknown fields, so that the rest is looked at too
        try:
            text_format.Parse(text.content, message, allow_unknown_field=unknown)
            return ModelReading(findings, model_of(message), places_of(text))
        except (text_format.ParseError, ValueError, RecursionError) as error:
            goes_on = refused(str(error), findings, message)
            message.Clear()
            if not goes_on:
                return None
    return None


def from_json(text: Text, findings: Findings, message: Message) -> ModelReading | None:
    """The same from JSON."""
    from google.protobuf import json_format

    found = parsed(text, findings)
    if found is None:
        return None
    try:
        json_format.ParseDict(plain(found.node), message)
    except (json_format.ParseError, ValueError, TypeError, AttributeError, RecursionError) as error:
        refused(f"{error}", findings, message)
        return None
    return ModelReading(findings, model_of(message), dict(json_places(found.node, "")))


def json_places(node: Node, path: str) -> Iterator[tuple[str, Place]]:
    """Where the fields of a configuration in JSON stand, by the names that they have as text."""
    if path:
        yield path, node.place
    if isinstance(node.value, dict):
        for key, child in node.value.items():
            name = CAPITAL.sub(lambda match: f"_{match.group().lower()}", key)
            inner = f"{path}[{key}]" if path == "parameters" else f"{path}.{name}".removeprefix(".")
            yield from json_places(child, inner)
    elif isinstance(node.value, list):
        for index, child in enumerate(node.value):
            yield from json_places(child, f"{path}[{index}]")


def refused(complaint: str, findings: Findings, message: Message) -> bool:
    """What protobuf complains of, as a finding; whether the rest can be read over it."""
    placed = PLACED.match(complaint)
    place = (int(placed[1]), int(placed[2])) if placed else (0, 0)
    said = " ".join((placed[3] if placed else complaint).split())[:300]
    if unknown := NO_FIELD.search(said):
        known = [each.name for each in message.DESCRIPTOR.fields] + ["data_type", "dims", "kind", "count", "gpus"]
        findings.add(
            "E5-pbtxt-field",
            "",
            f"Triton's model configuration has no field {unknown[1][:60]!r} here",
            f"remove it{did_you_mean(unknown[1], known)}",
            place=place,
        )
        return True
    if wrong := NO_VALUE.search(said):
        findings.add(
            "E5-pbtxt-value",
            "",
            f"{wrong[1]} has no value {wrong[2][:60]!r}",
            f"write one of Triton's own words{did_you_mean(wrong[2], words_of(wrong[1]))}",
            place=place,
        )
    elif any(words in said for words in WRONG_VALUE):
        findings.add("E5-pbtxt-value", "", said or "a value is wrong", "write a value of the field's type", place=place)
    else:
        findings.add(
            "E5-pbtxt-syntax",
            "",
            said or "the text is no model configuration",
            "write protobuf text as Triton's documentation has it",
            place=place,
        )
    return False


def words_of(enum: str) -> list[str]:
    """The words of one of Triton's choices."""
    from tritonclient.grpc import model_config_pb2

    words: Mapping[str, list[str]] = {
        "DataType": list(model_config_pb2.DataType.keys()),
        "Kind": list(model_config_pb2.ModelInstanceGroup.Kind.keys()),
    }
    return words.get(enum, [])


def model_of(message: Message) -> TritonModel:
    """The values of a message."""
    from google.protobuf import text_format
    from tritonclient.grpc.model_config_pb2 import DataType, ModelInstanceGroup

    def tensors(entries: Iterable[Message]) -> tuple[TensorConfig, ...]:
        return tuple(
            TensorConfig(name=entry.name, data_type=DataType.Name(entry.data_type), dims=tuple(entry.dims))
            for entry in entries
        )

    return TritonModel(
        name=message.name,
        backend=message.backend,
        max_batch_size=message.max_batch_size,
        input=tensors(message.input),
        output=tensors(message.output),
        instance_group=tuple(
            InstanceGroup(kind=ModelInstanceGroup.Kind.Name(group.kind), count=group.count, gpus=tuple(group.gpus))
            for group in message.instance_group
        ),
        parameters={key: message.parameters[key].string_value for key in sorted(message.parameters)},
        versions=versions_of(message.version_policy),
        text=text_format.MessageToString(message),
    )


def versions_of(policy: Message) -> int:
    """How many versions are served at once at most; 0 for all that there are."""
    if policy.HasField("all"):
        return 0
    if policy.HasField("specific"):
        return max(1, len(set(policy.specific.versions)))
    return max(1, policy.latest.num_versions) if policy.HasField("latest") else 1


def nesting(content: str) -> int:
    """How deep brackets nest, those in texts and comments left out."""
    deepest = depth = 0
    for match in TOKENS.finditer(content):
        if match.lastgroup == "mark":
            depth += 1 if match.group() in "{<[" else -1
            deepest = max(deepest, depth)
    return deepest


def places_of(text: Text) -> dict[str, Place]:
    """Where the fields stand; a text that was parsed is balanced."""
    return Places(text).found


class Places:
    """Walks the tokens of a text that is known to be well formed, and counts the fields of a name."""

    def __init__(self, text: Text) -> None:
        self.found: dict[str, Place] = {}
        self._text = text
        self._tokens = [m for m in TOKENS.finditer(text.content) if m.lastgroup != "skip"]
        self._at = 0
        self._message("")

    def _message(self, prefix: str) -> None:
        counts: dict[str, int] = {}
        while self._peek() not in ENDS:
            start, name = self._tokens[self._at].start(), self._peek()
            self._at += 1
            path = f"{prefix}{name}"
            self.found.setdefault(path, self._text.place(start))
            if self._peek() == "[":
                self._list(path, counts, name)
            else:
                self._entry(path, counts, name, start)

    def _list(self, path: str, counts: dict[str, int], name: str) -> None:
        self._at += 1
        while self._peek() not in ("]", ""):
            self._entry(path, counts, name, self._tokens[self._at].start())
        self._at += 1

    def _entry(self, path: str, counts: dict[str, int], name: str, start: int) -> None:
        index = counts[name] = counts.get(name, -1) + 1
        place = self._text.place(start)
        self.found.setdefault(f"{path}[{index}]", place)
        if self._peek() in ("{", "<"):
            self._at += 1
            first = self._at
            self._message(f"{path}[{index}].")
            if name == "parameters":
                self.found.setdefault(f"{path}[{self._key(first)}]", place)
        self._at += 1

    def _key(self, at: int) -> str:
        """The key of an entry of a map."""
        words = [match.group() for match in self._tokens[at : self._at]]
        return words[words.index("key") + 1].strip("\"'") if "key" in words[:-1] else ""

    def _peek(self) -> str:
        return self._tokens[self._at].group() if self._at < len(self._tokens) else ""
