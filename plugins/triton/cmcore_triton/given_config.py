"""A configuration that somebody gives of a model, laid over the generated one: what it gives wins, as long as it does
not contradict what the model takes and gives. Pure but for reading the file that it is in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from stat import S_ISREG
from typing import Protocol

from google.protobuf import json_format, text_format  # type: ignore[import-untyped]  # protobuf ships no types
from google.protobuf.message import Message  # type: ignore[import-untyped]  # the same
from pydantic import JsonValue
from tritonclient.grpc import model_config_pb2 as triton

from cmcore.errors import ModelRefusedError
from cmcore.inference.tensor import TensorSpec
from cmcore.serving.backend import Placement

POINTER = "$.inference.server_config"
CONFIG_BYTES = 10**6


class GivenTensor(Protocol):
    """An input or an output of a configuration."""

    name: str
    data_type: int


def given(raw: str | dict[str, JsonValue], folder: Path) -> triton.ModelConfig:
    """The configuration that is given: a mapping, text (pbtxt or JSON), or the path of a file with such text, relative
    ones in the model's folder. Raises ModelRefusedError where it is none."""
    if isinstance(raw, dict):
        return parsed(lambda config: json_format.ParseDict(raw, config), "the mapping")
    text, where = (raw, "the text") if is_text(raw) else read(folder / raw)
    if text.lstrip().startswith("{"):
        return parsed(lambda config: json_format.Parse(text, config), where)
    return parsed(lambda config: text_format.Parse(text, config), where)


def is_text(raw: str) -> bool:
    """Whether it is a configuration and no path of one."""
    return any(mark in raw for mark in "\n{") or ": " in raw


def read(path: Path) -> tuple[str, str]:
    """The text of a file, and what to call it; raises ModelRefusedError."""
    try:
        found = path.stat()
        if not S_ISREG(found.st_mode):
            raise ModelRefusedError(f"the configuration {path} is no regular file @ {POINTER}")
        if found.st_size > CONFIG_BYTES:
            raise ModelRefusedError(f"{path} has more than {CONFIG_BYTES:,} bytes @ {POINTER}")
        return path.read_text(encoding="utf-8"), str(path)
    except (OSError, ValueError) as error:  # a path with a zero in it, or what is no UTF-8
        raise ModelRefusedError(f"the configuration {path} cannot be read: {error} @ {POINTER}") from error


def parsed(parse: Callable[[triton.ModelConfig], object], where: str) -> triton.ModelConfig:
    """What parses into a configuration; raises ModelRefusedError with the parser's reason."""
    config = triton.ModelConfig()
    try:
        parse(config)
    except (json_format.ParseError, text_format.ParseError, ValueError, RecursionError) as error:  # json's own too
        raise ModelRefusedError(f"{where} is no configuration of Triton: {error} @ {POINTER}") from error
    return config


def merged(generated: triton.ModelConfig, over: triton.ModelConfig, placement: Placement) -> triton.ModelConfig:
    """The generated configuration with what is given in its place; raises ModelRefusedError with every contradiction.

    Lists are replaced, mappings and messages merged. A number, a truth or a text that is protobuf's default (0, false,
    empty) counts as not given.
    """
    if problems := list(contradictions(over, placement)):
        raise ModelRefusedError(f"{placement.name}: {'; '.join(problems)}")
    result = triton.ModelConfig()
    result.CopyFrom(generated)
    lay_over(result, over)
    return result


def lay_over(target: Message, over: Message) -> None:
    """Replace in the target what is set over it."""
    for field, value in over.ListFields():
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            getattr(target, field.name).MergeFrom(value)
        elif is_list(field):
            target.ClearField(field.name)
            getattr(target, field.name).MergeFrom(value)
        elif field.message_type is not None:
            getattr(target, field.name).SetInParent()
            lay_over(getattr(target, field.name), value)
        else:
            setattr(target, field.name, value)


def is_list(field: object) -> bool:
    """Whether a field holds many; newer protobufs say so by is_repeated, and warn of label."""
    found = getattr(field, "is_repeated", None)
    return bool(found) if isinstance(found, bool) else getattr(field, "label", 0) == REPEATED


REPEATED = 3  # google.protobuf.descriptor.FieldDescriptor.LABEL_REPEATED


def contradictions(over: triton.ModelConfig, placement: Placement) -> Iterator[str]:
    """Where a configuration says something else than cmcore must be able to rely on."""
    interface = placement.interface
    if over.name and over.name != placement.name:
        yield (
            f"it names the model {over.name!r}, and every version has a name of its own ({placement.name!r}); "
            f"leave it out @ {POINTER}.name"
        )
    if over.max_batch_size > 0 and not interface.batched:
        yield f"the model's tensors have no rows, so they cannot be batched @ {POINTER}.max_batch_size"
    if placement.steps and over.backend:
        yield f"an ensemble has no backend of its own @ {POINTER}.backend"
    batched = over.max_batch_size > 0 or interface.batched
    yield from sides("input", list(over.input), interface.inputs, batched=batched)
    yield from sides("output", list(over.output), interface.outputs, batched=batched)


def sides(side: str, found: list[GivenTensor], promised: tuple[TensorSpec, ...], *, batched: bool) -> Iterator[str]:
    """Where the inputs or the outputs differ from the model's own."""
    specs = {spec.name: spec for spec in promised}
    for index, tensor in enumerate(found):
        where = f"{POINTER}.{side}[{index}]"
        spec = specs.get(tensor.name)
        if spec is None:
            yield f"the model has no {side} {tensor.name!r}; it has {', '.join(specs)} @ {where}.name"
            continue
        kind = triton.DataType.Name(tensor.data_type).removeprefix("TYPE_").replace("STRING", "BYTES")
        if kind != spec.datatype:
            yield f"{side} {tensor.name!r} is of {kind}, and the model's is of {spec.datatype} @ {where}.data_type"
        if not agrees(list(getattr(tensor, "dims", ())), spec, batched=batched):
            dims = list(getattr(tensor, "dims", ()))
            yield f"{side} {tensor.name!r} has dims {dims}, and the model's are {list(spec.shape)} @ {where}.dims"
    given_names = {tensor.name for tensor in found}
    missing = [spec.name for spec in promised if spec.name not in given_names and not spec.optional]
    if found and missing:
        yield f"{side}s are listed without {', '.join(missing)} @ {POINTER}.{side}"


def agrees(dims: list[int], spec: TensorSpec, *, batched: bool) -> bool:
    """Whether dimensions could be those of the tensor; -1 is any size, and the rows may be written out."""
    candidates = [dims, dims[1:]] if batched and dims[:1] == [-1] else [dims]
    return any(
        len(candidate) == len(spec.shape)
        and all(-1 in (one, other) or one == other for one, other in zip(candidate, spec.shape, strict=True))
        for candidate in candidates
    )
