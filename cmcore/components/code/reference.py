"""CodeRef: the name under which a function or class can be imported again, `module:qualname`.

What the named code consists of is `closure`'s; nothing here reads source files.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, fields, is_dataclass
from difflib import get_close_matches
from operator import attrgetter

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from cmcore.components.code.importable import MAIN, importable_name, main_module_name
from cmcore.errors import UsageError

PATTERN = r"^[^\W\d][\w-]*(\.[^\W\d][\w-]*)*:[^\W\d]\w*(\.[^\W\d]\w*)*$"


@dataclass(frozen=True, slots=True, order=True)
class CodeRef:
    """A function, class or method by the name that imports it in any process: `CodeRef("package.module:name")`.

    As the type of a component's parameter it takes that text or, in Python, the function itself.
    """

    reference: str

    def __post_init__(self) -> None:
        if not re.fullmatch(PATTERN, self.reference):
            raise UsageError(f"{self.reference!r} is not a code reference; write it as 'package.module:name'")

    @classmethod
    def of(cls, obj: object, *, roots: Sequence[object] = ()) -> CodeRef:
        """The reference that imports `obj` again; raises UsageError, saying why, where there is none.

        `roots`, by default `sys.path`, are the folders under which a running script gets its module name.
        """
        module, qualname = importable_name(obj)
        if module == MAIN:
            return cls(f"{main_module_name(sys.modules[MAIN], [str(root) for root in roots])}:{qualname}")
        return cls(f"{module}:{qualname}")

    @property
    def module(self) -> str:
        """What to import."""
        return self.reference.partition(":")[0]

    @property
    def qualname(self) -> str:
        """What to take from the module; dots lead into classes."""
        return self.reference.partition(":")[2]

    def load(self) -> object:
        """The object itself, importing its module; raises UsageError with what was found instead.

        A script that is running is not imported a second time: its objects are those of `__main__`.
        """
        try:
            module = sys.modules[MAIN] if _is_running(self.module) else importlib.import_module(self.module)
        except ImportError as error:
            raise UsageError(
                f"{self}: module {self.module!r} cannot be imported: {error}. "
                f"Check its spelling, its own imports and that it lies under the project's folder or is installed"
            ) from error
        try:
            return attrgetter(self.qualname)(module)
        except AttributeError as error:
            close = get_close_matches(self.qualname, dir(module), n=3)
            hint = f"did you mean {' or '.join(map(repr, close))}?" if close else "check the spelling"
            raise UsageError(f"{self}: module {self.module!r} has no {self.qualname!r}; {hint}") from error

    def __str__(self) -> str:
        return self.reference

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            _validated, serialization=core_schema.to_string_ser_schema()
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "format": "code-ref", "pattern": PATTERN}


def _validated(value: object) -> CodeRef:
    try:
        match value:
            case CodeRef():
                return value
            case str():
                return CodeRef(value)
            case _ if callable(value):
                return CodeRef.of(value)
    except UsageError as error:
        raise PydanticCustomError("code_ref", "{reason}", {"reason": str(error)}) from error
    raise PydanticCustomError(
        "code_ref", "{value} is not code; write it as 'package.module:name'", {"value": repr(value)}
    )


def _is_running(module: str) -> bool:
    main = sys.modules[MAIN]
    if module in sys.modules or not getattr(main, "__file__", None):
        return False
    try:
        return main_module_name(main, []) == module
    except UsageError:  # a main program that has no module name is nobody's module
        return False


def code_refs_in(value: object) -> list[CodeRef]:
    """Every CodeRef in a parameter's value (models, dataclasses, mappings, sequences, sets), each once, in order.

    Only values that were validated as CodeRef count: a text that looks like a reference is a text.
    """
    return list(dict.fromkeys(_references(value)))


def _references(value: object) -> Iterator[CodeRef]:
    if isinstance(value, CodeRef):
        yield value
        return
    for part in _parts(value):
        yield from _references(part)


def _parts(value: object) -> Iterator[object]:
    match value:
        case str() | bytes() | bytearray() | type():
            return
        case BaseModel():
            yield from (part for _, part in value)
        case Mapping():
            yield from value.keys()
            yield from value.values()
        case Set():
            yield from sorted(value, key=str)
        case Sequence():
            yield from value
        case _ if is_dataclass(value):
            yield from (attrgetter(field.name)(value) for field in fields(value))
