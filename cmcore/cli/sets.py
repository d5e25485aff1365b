"""What `--set key=value` means: a setting of the project, or a value (or part of one) of a pipeline parameter. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from cmcore.components.spec import ParameterSpec
from cmcore.document.wording import did_you_mean
from cmcore.errors import UsageError
from cmcore.settings import parsed

SETTING_HEADS = ("stack.", "run.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sets:
    """The texts after `--set`, by key, in the order given."""

    settings: Mapping[str, str]
    parameters: Mapping[str, str]


def split(texts: Iterable[str]) -> Sets:
    """Settings apart from parameters; raises UsageError for a text without `=`."""
    pairs: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"--set takes key=value, found {text!r}; for example --set epochs=3")
        pairs[key.strip()] = value
    settings = {key: value for key, value in pairs.items() if key.startswith(SETTING_HEADS)}
    return Sets(settings=settings, parameters={key: value for key, value in pairs.items() if key not in settings})


def parameter_values(
    given: Mapping[str, str], declared: Mapping[str, ParameterSpec], below: Mapping[str, JsonValue]
) -> dict[str, JsonValue]:
    """The parameters that `--set` gives; `cfg.lr=0.1` changes a field of what the layers `below` (or the default) say.

    Raises UsageError for a parameter that the pipeline does not have, and for a field of something that has none.
    """
    values: dict[str, JsonValue] = {}
    for key, text in given.items():
        name, *path = key.split(".")
        if name not in declared:
            known = f"parameters: {', '.join(declared)}" if declared else "it has no parameters"
            hint = did_you_mean(name, declared)
            raise UsageError(f"--set {key}: pipeline parameter {name!r} does not exist{hint} ({known})")
        value = text_value(text, declared[name]) if not path else parsed(text)
        start = values.get(name, below.get(name, declared[name].default))
        values[name] = with_field(start, path, value, key)
    return values


def text_value(text: str, declared: ParameterSpec) -> JsonValue:
    """A value as typed: for a text parameter the text as it stands (`version=1.10`), else JSON where it is JSON."""
    return text if declared.type == "str" else parsed(text)


def with_field(start: JsonValue, path: list[str], value: JsonValue, key: str) -> JsonValue:
    """A mapping with one field at a path changed; the value itself for an empty path."""
    if not path:
        return value
    fields = {} if start is None else start
    if not isinstance(fields, dict):
        raise UsageError(f"--set {key}: there is no field {path[0]!r} inside {start!r}")
    return {**fields, path[0]: with_field(fields.get(path[0]), path[1:], value, key)}
