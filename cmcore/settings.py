"""Settings of a project: the `kind: Project` document, and which layer set each value. Files are read by `stack`."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from cmcore.document.wording import did_you_mean
from cmcore.errors import ConfigError

ENVIRONMENT_PREFIX = "CM_"
PARAMETER_PREFIX = "CM_PARAM_"


class Section(BaseModel):
    """A part of the project's document: immutable, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Verify(StrEnum):
    """How closely payloads are looked at before a cache hit."""

    AUTO = "auto"
    DIGEST = "digest"
    NEVER = "never"


class Artifacts(Section):
    """Where payloads lie: a path, a file URL or an fsspec URL, and that file system's own options."""

    root: str = Field(default="", description="a path, a file URL or an fsspec URL such as s3://bucket/folder")
    options: dict[str, JsonValue] = Field(default={}, description="what fsspec's file system for that URL takes")


class PluginSettings(Section):
    """Which installed plugins are used: `allow` names the only ones, `deny` the ones left out."""

    allow: list[str] | None = Field(default=None, description="the only plugins that are used; null: all")
    deny: list[str] = Field(default=[], description="plugins that are left out")
    strict: bool = Field(default=False, description="a broken plugin is an error")


class PluginChoice(Section):
    """What a plugin gives, by its provider's name, and its own options."""

    name: str
    options: dict[str, JsonValue] = {}


class LauncherSettings(PluginChoice):
    """Where attempts run: a launcher by its provider's name, and that launcher's own options."""

    name: str = Field(default="local", description="`cm plugins list` shows which there are")


class TrackerSettings(PluginChoice):
    """One tracker that gets the event log, by its provider's name, and that tracker's own options."""

    patience_s: float = Field(default=10.0, ge=0, le=3600, description="how long the end of a run waits for it")


class ServingSettings(PluginChoice):
    """One serving backend, by its provider's name, and that backend's own options."""


class StackSettings(Section):
    """The backends of a project; what is empty lives under `.cm/` in its folder."""

    lineage: str = Field(default="", description="sqlite:///..., mysql://... or postgresql://... for ML-Metadata")
    state: str = Field(default="", description="sqlite:///... or postgresql://... for leases, runs and journal")
    artifacts: Artifacts = Artifacts()
    launcher: LauncherSettings = LauncherSettings()
    trackers: list[TrackerSettings] = Field(default=[], description="who gets the event log, such as MLflow")
    serving: list[ServingSettings] = Field(default=[], description="serving backends with their options, such as a URL")
    data: str = Field(default="", description="where versions of data are kept, a folder")
    plugins: PluginSettings = PluginSettings()

    @model_validator(mode="after")
    def trackers_have_names_of_their_own(self) -> StackSettings:
        """How far a tracker has got is kept under its name."""
        return self._each_once("trackers", [tracker.name for tracker in self.trackers])

    @model_validator(mode="after")
    def serving_backends_have_names_of_their_own(self) -> StackSettings:
        """Endpoints name them."""
        return self._each_once("serving", [backend.name for backend in self.serving])

    def _each_once(self, key: str, names: list[str]) -> StackSettings:
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"{key} has {twice[0]!r} more than once")
        return self


class RunSettings(Section):
    """Defaults of `cm run`."""

    workers: int = Field(default=0, ge=0, le=1024, description="attempts at once; 0 means one per CPU")
    verify: Verify = Field(default=Verify.AUTO, description="how payloads are looked at before a cache hit")
    system_metrics_s: float = Field(
        default=10.0, ge=0, le=3600, description="seconds between readings of CPU, memory and GPU; 0: none"
    )
    lease_ttl_s: float = Field(default=60.0, gt=1, le=86_400, description="how long a dead driver's run stays held")


class ProjectSettings(Section):
    """`cm.yaml`: the name, the stack, defaults of runs and of pipeline parameters."""

    kind: Literal["Project"] = "Project"
    name: str = Field(
        default="", pattern=r"^([a-z0-9][a-z0-9._-]{0,62})?$", description="empty: the name of the project's folder"
    )
    actor: str = Field(default="", description="who is recorded as the one who acts; empty: the user's login name")
    stack: StackSettings = StackSettings()
    run: RunSettings = RunSettings()
    parameters: dict[str, JsonValue] = Field(default={}, description="values of pipeline parameters by name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """What one layer says of one key."""

    name: str
    value: JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The winning values, and for every key what each layer says, weakest first."""

    values: ProjectSettings
    layers: Mapping[str, tuple[Layer, ...]]

    def explained(self, key: str) -> tuple[Layer, ...]:
        """The layers that set a key, the last one winning; raises ConfigError for a key that does not exist."""
        if key not in self.layers:
            raise ConfigError(
                f"no setting {key!r}{did_you_mean(key, self.layers)}; settings: {', '.join(sorted(self.layers))}"
            )
        return self.layers[key]


def settings_of(
    file: ProjectSettings, environment: Mapping[str, str], sets: Mapping[str, str], *, file_name: str = "cm.yaml"
) -> Settings:
    """The file's settings, overridden by `CM_STACK__LINEAGE=...`, overridden by `--set stack.lineage=...`."""
    layers = {key: [Layer(name="default", value=value)] for key, value in flat(ProjectSettings())}
    given = dict(flat(file, only_set=True))
    for key, value in given.items():
        layers.setdefault(key, [Layer(name="default", value=None)]).append(Layer(name=f"file {file_name}", value=value))
    for key, found in layers.items():
        variable = ENVIRONMENT_PREFIX + key.upper().replace(".", "__")
        if variable in environment:
            found.append(Layer(name=f"environment ${variable}", value=fitting(found, environment[variable])))
    refuse_unknown_variables(environment, layers)
    for key, text in sets.items():
        if key not in layers:
            raise ConfigError(f"no setting {key!r}{did_you_mean(key, layers)}; settings: {', '.join(sorted(layers))}")
        layers[key].append(Layer(name="--set", value=fitting(layers[key], text)))
    try:
        values = ProjectSettings.model_validate(
            nested({key: it[-1].value for key, it in layers.items() if len(it) > 1})
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"]))
        origin = layers[key][-1].name if key in layers else "file"
        raise ConfigError(f"setting {key!r} from {origin}: {first['msg'].lower()}, found {first['input']!r}") from error
    return Settings(values=values, layers={key: tuple(found) for key, found in layers.items()})


def refuse_unknown_variables(environment: Mapping[str, str], known: Iterable[str]) -> None:
    """Raise ConfigError for a variable that is spelled like a setting and is none."""
    variables = [ENVIRONMENT_PREFIX + key.upper().replace(".", "__") for key in known if "." in key]
    others = (PARAMETER_PREFIX, "CM_SECRET_")
    spelled = [
        it for it in environment if it.startswith(ENVIRONMENT_PREFIX) and "__" in it and not it.startswith(others)
    ]
    for name in spelled:
        if name not in variables:
            raise ConfigError(f"environment variable ${name} sets nothing{did_you_mean(name, variables)}")


def flat(section: BaseModel, prefix: str = "", *, only_set: bool = False) -> Iterator[tuple[str, JsonValue]]:
    """Every setting by its dotted key, as JSON."""
    plain = section.model_dump(mode="json")
    for name, value in section:
        if isinstance(value, BaseModel):
            yield from flat(value, f"{prefix}{name}.", only_set=only_set)
        elif name != "kind" and (not only_set or name in section.model_fields_set):
            yield f"{prefix}{name}", plain[name]


def nested(values: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """The inverse of `flat`."""
    tree: dict[str, JsonValue] = {}
    for key, value in values.items():
        *sections, name = key.split(".")
        place = tree
        for section in sections:
            found = place.setdefault(section, {})
            assert isinstance(found, dict)
            place = found
        place[name] = value
    return tree


def fitting(layers: list[Layer], text: str) -> JsonValue:
    """A setting's value from a variable or a flag: the text itself where the setting is a text, `42` too."""
    return text if isinstance(layers[0].value, str) else parsed(text)


def parsed(text: str) -> JsonValue:
    """A value from a variable or a flag: JSON where it is JSON, else the text itself; so is a number too large."""
    try:
        value: JsonValue = json.loads(text, parse_float=finite, parse_constant=finite)
    except ValueError:
        return text
    return value


def finite(text: str) -> float:
    """A number; raises ValueError for one that is none, or that no JSON can hold."""
    if not math.isfinite(number := float(text)):
        raise ValueError(text)
    return number
