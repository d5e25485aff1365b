"""Provider: a named thing that a plugin gives and documents refer to; the kinds there are. It imports none of them.

Paths are checked for their form only; what they lead to is loaded by `cmcore.hooks.loading`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from cmcore.document.wording import did_you_mean

NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,62}")
IMPORT_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
SPEC_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:([A-Za-z0-9_-]+/)*[A-Za-z0-9_-][A-Za-z0-9._-]*\.ya?ml")


class Kind(StrEnum):
    """What a provider can be."""

    COMPONENT = "component"
    ARTIFACT_TYPE = "artifact_type"
    RESOLVER = "resolver"
    LAUNCHER = "launcher"
    LINEAGE = "lineage"
    TRACKER = "tracker"
    DATA_FORMAT = "data_format"
    SERVING = "serving"
    FLAVOR = "flavor"


@dataclass(frozen=True, slots=True, kw_only=True)
class KindRule:
    """What a provider of one kind consists of: a packaged spec or a factory, and what that factory is."""

    gives: str
    by_spec: bool = False
    takes_options: bool = False
    is_backend: bool = False


KINDS: dict[Kind, KindRule] = {
    Kind.COMPONENT: KindRule(gives="a YAML document of kind Component", by_spec=True),
    Kind.ARTIFACT_TYPE: KindRule(gives="a subclass of cmcore.artifacts.Artifact"),
    Kind.RESOLVER: KindRule(gives="a callable that makes a resolver"),
    Kind.LAUNCHER: KindRule(gives="a callable that makes a launcher", takes_options=True, is_backend=True),
    Kind.LINEAGE: KindRule(gives="a callable (url, blobs) that opens a LineageStore", is_backend=True),
    Kind.TRACKER: KindRule(
        gives="a callable (memory, folder, **options) that makes a Tracker", takes_options=True, is_backend=True
    ),
    Kind.DATA_FORMAT: KindRule(gives="a callable that makes a DataFormat"),
    Kind.SERVING: KindRule(
        gives="a callable (folder, **options) that makes a ServingBackend", takes_options=True, is_backend=True
    ),
    Kind.FLAVOR: KindRule(gives="a callable (folder, settings) that makes a Predictor, in a module of its own"),
}


class Provider(BaseModel):
    """One named thing: `factory` and `options` are import paths (`pkg.mod:attr`), `spec` is `package:path.yaml`.

    Options are a pydantic model in a module that imports nothing beyond pydantic and cmcore. A component
    names its packaged spec instead of a factory. The summary is one line.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    name: str
    factory: str = ""
    options: str = ""
    spec: str = ""
    summary: str

    @field_validator("kind")
    @classmethod
    def _known_kind(cls, kind: str) -> str:
        known = [known.value for known in Kind]
        if kind not in known:
            raise ValueError(f"no kind {kind!r}{did_you_mean(kind, known)} Kinds: {', '.join(known)}")
        return kind

    @field_validator("name")
    @classmethod
    def _well_formed_name(cls, name: str) -> str:
        if not NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name; a letter, then up to 62 letters, digits, dots, dashes, underscores")
        return name

    @field_validator("factory", "options")
    @classmethod
    def _well_formed_import_path(cls, path: str) -> str:
        if path and not IMPORT_PATH.fullmatch(path):
            raise ValueError(f"{path!r} is no import path; write 'package.module:name'")
        return path

    @field_validator("spec")
    @classmethod
    def _well_formed_spec_path(cls, path: str) -> str:
        if path and not SPEC_PATH.fullmatch(path):
            raise ValueError(f"{path!r} is no path of a packaged spec; write 'package:folder/name.yaml'")
        return path

    @field_validator("summary")
    @classmethod
    def _one_line(cls, summary: str) -> str:
        if not summary.strip() or len(summary.splitlines()) > 1:
            raise ValueError(f"{summary!r} is not one line of summary")
        return summary

    @model_validator(mode="after")
    def _parts_of_its_kind(self) -> Self:
        rule = KINDS[Kind(self.kind)]
        needed, refused = ("spec", "factory") if rule.by_spec else ("factory", "spec")
        problems = [
            *([] if getattr(self, needed) else [f"needs {needed}= ({rule.gives})"]),
            *([f"takes no {refused}="] if getattr(self, refused) else []),
            *(["takes no options="] if self.options and not rule.takes_options else []),
        ]
        if problems:
            raise ValueError(f"{self.kind} {self.name!r} {', '.join(problems)}")
        return self
