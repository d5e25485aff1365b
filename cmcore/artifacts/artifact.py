"""Artifact: a typed reference to data at a URI, with properties. Fields of a subclass are its properties.

Where payloads lie and how they are sealed is `cmcore.storage`; what was recorded of them is `cmcore.lineage`.
"""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, JsonValue, PrivateAttr

from cmcore.artifacts.payload import LocalFolder, Payload
from cmcore.errors import StorageError, UsageError

Scalar = int | float | str | bool
SYSTEM_TYPES = ("", "DATASET", "MODEL", "METRICS", "STATISTICS")
ALLOWABLE_FORMATS = ("pickle", "code", "opaque")


class Artifact(BaseModel):
    """Base of all artifact types; five lines make a new one.

        class Embeddings(Artifact, system_type="DATASET"):
            dimensions: int = 0

    Properties are int, float, str, bool or lists and dicts of them (stored as JSON). An executor sets them
    on its outputs; inputs come with the values that were recorded. `type_name` is the name in ML-Metadata,
    by default the class's; `system_type` is ML-Metadata's own base type. What a scan would refuse, such as pickles,
    passes only where a type says so: `class SklearnPickle(Model, allows=("pickle",))`.
    """

    model_config = ConfigDict(validate_assignment=True, extra="forbid")

    type_name: ClassVar[str] = "Artifact"
    system_type: ClassVar[str] = ""
    allowed_formats: ClassVar[tuple[str, ...]] = ()

    _payload: Payload | None = PrivateAttr(default=None)
    _digest: str | None = PrivateAttr(default=None)
    _name: str = PrivateAttr(default="")
    _custom: dict[str, JsonValue] = PrivateAttr(default_factory=dict)

    def __init_subclass__(
        cls, type_name: str = "", system_type: str = "", allows: tuple[str, ...] | None = None
    ) -> None:
        super().__init_subclass__()
        if system_type not in SYSTEM_TYPES:
            raise UsageError(f"{cls.__name__}: system_type is {system_type!r}; one of {', '.join(SYSTEM_TYPES[1:])}")
        cls.type_name = type_name or cls.__name__
        if system_type:
            cls.system_type = system_type
        if allows is not None:
            if not set(allows) <= set(ALLOWABLE_FORMATS):
                raise UsageError(f"{cls.__name__}: allows is {allows!r}; a tuple of {', '.join(ALLOWABLE_FORMATS)}")
            cls.allowed_formats = tuple(allows)

    @classmethod
    def at(cls, folder: str | Path, **properties: object) -> Self:
        """An artifact over a local folder: for tests, notebooks and plain calls of a component."""
        artifact = cls(**properties)
        return artifact.bound(LocalFolder(Path(folder)))

    @classmethod
    def ancestry(cls) -> list[str]:
        """The names of this type and the types that it may stand in for, nearest first."""
        return [base.type_name for base in cls.__mro__ if issubclass(base, Artifact)]

    def bound(self, payload: Payload, *, digest: str | None = None, name: str = "") -> Self:
        """This artifact with its bytes: called by whoever made or found the payload."""
        self._payload, self._digest, self._name = payload, digest, name
        return self

    @classmethod
    def parents(cls) -> list[str]:
        """The named types that this one derives from, nearest first; the roots of all types are not among them."""
        return [name for name in cls.ancestry()[1:] if name not in ("Artifact", "ValueArtifact")]

    @property
    def payload(self) -> Payload:
        """The bytes; raises StorageError where none have been given yet."""
        if self._payload is None:
            raise StorageError(
                f"this {type(self).__name__} has no payload; outside a run make one with "
                f"{type(self).__name__}.at('some/folder')"
            )
        return self._payload

    @property
    def uri(self) -> str:
        """Where the payload lies, as recorded."""
        return self.payload.uri

    @property
    def path(self) -> Path:
        """The payload's folder as a local path."""
        return self.payload.path

    @property
    def digest(self) -> str | None:
        """`sha256:` and the hex digest of the payload's manifest; None until it is sealed."""
        return self._digest

    @property
    def name(self) -> str:
        """The unique name in the lineage; empty outside a run."""
        return self._name

    @property
    def custom_properties(self) -> dict[str, JsonValue]:
        """Free facts beside the declared properties; recorded, not typed, not part of any digest."""
        return self._custom

    def open(self, name: str, mode: str = "rb") -> IO[Any]:
        """One file of the payload as a stream."""
        return self.payload.open(name, mode)
