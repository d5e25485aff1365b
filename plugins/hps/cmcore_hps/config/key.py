"""Key: what the three readers do with one key of a `ps.json`, kept beside the field that it describes.

`required` and `read` were read in the readers' sources: HugeCTR 3.5's `hugectr.cc`, `hps_backend/src/backend.cpp`, and
`HugeCTR/src/hps/inference_utils.cpp` of 24.06. At its start the HPS backend hands the file to the library, on later
loads it reads it itself: `online` says whether it reads the key then.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum

from pydantic import BaseModel

from cmcore_hps.config.dialect import Dialect

HUGECTR, HPS, LIBRARY = Dialect.HUGECTR, Dialect.HPS, Dialect.LIBRARY
ALL = frozenset(Dialect)
HIERARCHICAL = frozenset({HPS, LIBRARY})
TRITON = frozenset({HUGECTR, HPS})
OLD = frozenset({HUGECTR})
NOBODY: frozenset[Dialect] = frozenset()
SIZE_MAX = 2**64 - 1


class Kind(StrEnum):
    """The type that a reader asks for."""

    BOOL = "true or false"
    INT = "a whole number of 32 bits"
    SIZE = "a whole number, none below 0"
    FLOAT = "a number"
    TEXT = "a text"
    ENUM = "one of the known words"
    INTS = "a list of whole numbers"
    SIZES = "a list of whole numbers, none below 0"
    FLOATS = "a list of numbers"
    TEXTS = "a list of texts"

    @property
    def element(self) -> Kind | None:
        """What a list holds; None for what is no list."""
        return {Kind.INTS: Kind.INT, Kind.SIZES: Kind.SIZE, Kind.FLOATS: Kind.FLOAT, Kind.TEXTS: Kind.TEXT}.get(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The values that mean something; `open` leaves the ends out."""

    least: float
    most: float
    open: bool = False
    why: str = ""

    def hold(self, value: float) -> bool:
        """Whether the value is one of them."""
        return self.least < value < self.most if self.open else self.least <= value <= self.most

    def __str__(self) -> str:
        if self.most == float("inf"):
            return f"at least {self.least:g}"
        return f"{'strictly ' if self.open else ''}between {self.least:g} and {self.most:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """`filled` is what the export writes where a reader that requires the key would miss it; None where only a person
    can know."""

    kind: Kind
    required: frozenset[Dialect] = NOBODY
    read: frozenset[Dialect] = ALL
    online: bool = True
    with_cache: bool = False
    filled: object = None
    bounds: Bounds | None = None
    spellings: type[Enum] | None = None


def keys_of(model: type[BaseModel]) -> dict[str, Key]:
    """The keys of a section; its nested sections are none."""
    return {
        name: key
        for name, field in model.model_fields.items()
        for key in field.metadata
        if isinstance(key, Key)
    }  # fmt: skip
