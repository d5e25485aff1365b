"""Pipeline: the graph as its author declared it, in YAML or in Python; one model for both. Nothing is resolved here."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, JsonValue, PrivateAttr, StringConstraints, model_validator

from cmcore.components.component import Component
from cmcore.components.spec import Frozen, Key, ParameterSpec
from cmcore.resources import Resources

PipelineName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
RESERVED = frozenset({"params", "env", "run", "secret", "item"})


def unreserved(name: str) -> str:
    """A node's name, unless expressions mean something else by it."""
    if name in RESERVED:
        raise ValueError(f"${{{name}...}} means something else in expressions; give the node another name")
    return name


NodeName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,62}$"), AfterValidator(unreserved)]


class CachePolicy(StrEnum):
    """auto: use a hit; refresh: run and record as a new hit; off: neither look nor be found."""

    AUTO = "auto"
    REFRESH = "refresh"
    OFF = "off"


class OnFailure(StrEnum):
    """What a node's final failure means for the nodes that do not need it."""

    STOP = "stop"
    CONTINUE = "continue"


class Retries(Frozen):
    """How often a failed attempt is made again: waits grow by `factor` from `backoff_s` to `max_backoff_s`."""

    attempts: int = Field(default=1, ge=1, le=100)
    backoff_s: float = Field(default=1.0, ge=0, le=86_400)
    factor: float = Field(default=2.0, ge=1, le=10)
    max_backoff_s: float = Field(default=60.0, ge=0, le=86_400)

    def wait_s(self, failed_attempts: int) -> float:
        """Seconds to wait after so many failed attempts."""
        return min(self.backoff_s * self.factor ** (failed_attempts - 1), self.max_backoff_s)


class Importer(Frozen):
    """Data that others own: where it lies and what it is; `fingerprint` declares its digest instead of computing it."""

    uri: str
    type: str = "Files"
    fingerprint: str = ""
    properties: dict[str, JsonValue] = {}


class Node(Frozen):
    """One node: a component, an importer or a resolver, what it is given, and how it runs."""

    component: str = ""
    importer: Importer | None = None
    resolver: str = ""
    with_: dict[Key, JsonValue] = Field(default={}, alias="with")
    after: list[NodeName] = []
    retries: Retries = Retries()
    timeout_s: float | None = Field(default=None, gt=0)
    resources: Resources | None = None
    cache: CachePolicy = CachePolicy.AUTO
    on_failure: OnFailure = OnFailure.STOP
    labels: dict[str, str] = {}

    @model_validator(mode="after")
    def one_kind(self) -> Node:
        """A node is exactly one thing."""
        kinds = [name for name in ("component", "importer", "resolver") if getattr(self, name)]
        if len(kinds) != 1:
            raise ValueError(
                f"needs exactly one of component, importer, resolver; found {' and '.join(kinds) or 'none'}"
            )
        return self


class Pipeline(Frozen):
    """A graph of nodes with parameters; the same value whether it was written in Python or in YAML."""

    kind: Literal["Pipeline"] = "Pipeline"
    name: PipelineName
    description: str = ""
    parameters: dict[Key, ParameterSpec] = {}
    nodes: dict[NodeName, Node] = Field(min_length=1)

    _components: Mapping[str, Component] = PrivateAttr(default_factory=dict)

    @property
    def components(self) -> Mapping[str, Component]:
        """The component objects of nodes that were written in Python, by node name."""
        return self._components

    def holding(self, components: Mapping[str, Component]) -> Pipeline:
        """This pipeline with the component objects of its nodes at hand."""
        self._components = dict(components)
        return self

    def as_document(self) -> dict[str, JsonValue]:
        """The document's meaning as plain data: what is default is left out."""
        written: dict[str, JsonValue] = self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return {"kind": self.kind, **written}
