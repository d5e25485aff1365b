"""The words of a component's signature: which argument is an input, an output, a parameter.

They are plain generic aliases of `Annotated`, so type checkers see the type inside; reading them is `signature`.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated, TypeVar

from typing_extensions import TypedDict  # pydantic refuses typing's own before Python 3.12

T = TypeVar("T")


class Role(Enum):
    """What an argument is to its component."""

    INPUT = "input"
    OUTPUT = "output"
    PARAMETER = "parameter"


class Allow(Enum):
    """What a value output may be beyond its type."""

    NAN = "nan"


InputArtifact = Annotated[T, Role.INPUT]
OutputArtifact = Annotated[T, Role.OUTPUT]
Parameter = Annotated[T, Role.PARAMETER]
AllowNaN = Annotated[T, Allow.NAN]


def OutputDict(**types: object) -> type:  # noqa: N802 # reads as the type it returns, TFX's word for it
    """The return type of a component that returns a dict with these keys, made on the spot.

    Type checkers prefer a TypedDict, NamedTuple, dataclass or pydantic model of your own.
    """
    return TypedDict("OutputDict", types)  # type: ignore[operator,no-any-return] # made at run time
