"""Secret: a value that travels as its name and is looked up only in the process that uses it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from cmcore.errors import ConfigError

T = TypeVar("T")
PREFIX = "${secret:"
WRITTEN = r"^\$\{secret:[A-Za-z0-9_.-]+\}$"
ENVIRONMENT_PREFIX = "CM_SECRET_"
_taken: dict[str, str] = {}


class Secret(Generic[T]):
    """A reference to a secret. `Secret("api-token")` in a pipeline; `.reveal()` in the executor.

    Documents write `${secret:api-token}`. The value is `$CM_SECRET_API_TOKEN`, or else the content of the file
    `api-token` in the folder that `$CM_SECRETS_DIR` names (as containers mount them).
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._reveal: Callable[[], str] = lambda: looked_up(name)

    @classmethod
    def of(cls, value: str) -> Secret[T]:
        """A secret with a value at hand: for tests and plain calls."""
        secret = cls("given")
        secret._reveal = lambda: value
        return secret

    def reveal(self) -> str:
        """The value; raises ConfigError that names where it was looked for."""
        return self._reveal()

    def __str__(self) -> str:
        return f"{PREFIX}{self.name}}}"

    def __repr__(self) -> str:
        return f"Secret({self.name!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.json_or_python_schema(
            json_schema=core_schema.no_info_after_validator_function(
                cls.parse, core_schema.str_schema(pattern=WRITTEN)
            ),
            python_schema=core_schema.union_schema(
                [
                    core_schema.is_instance_schema(cls),
                    core_schema.no_info_after_validator_function(cls.parse, core_schema.str_schema(pattern=WRITTEN)),
                ]
            ),
            serialization=core_schema.to_string_ser_schema(),
        )

    @classmethod
    def parse(cls, text: str) -> Secret[T]:
        """The secret that a document's `${secret:NAME}` means."""
        return cls(text.removeprefix(PREFIX).removesuffix("}"))


def spellings(value: str) -> list[str]:
    """A secret's value as programs write it: as it is, as `repr` does, as JSON does; longest first."""
    written = {value, repr(value)[1:-1], json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    return sorted(filter(None, written), key=len, reverse=True)


def take_from_environment() -> None:
    """Keep the secrets of this process where neither a print of its environment nor its children can see them."""
    for variable in [name for name in os.environ if name.startswith(ENVIRONMENT_PREFIX)]:
        _taken[variable] = os.environ.pop(variable)


def looked_up(name: str) -> str:
    """The value of a secret of this process; raises ConfigError."""
    variable = ENVIRONMENT_PREFIX + name.upper().replace("-", "_").replace(".", "_")
    if (value := os.environ.get(variable, _taken.get(variable))) is not None:
        return value
    folder = os.environ.get("CM_SECRETS_DIR", "")
    file = Path(folder) / name
    if folder and file.is_file():
        return file.read_text(encoding="utf-8").rstrip("\n")
    raise ConfigError(
        f"secret {name!r} was asked for; found neither ${variable} nor a file {name!r} in $CM_SECRETS_DIR "
        f"({folder or 'not set'}). Set one of them where the component runs."
    )
