"""Loads a document into its pydantic model, strictly, or says everything that does not fit, where, and what was meant.

The models belong to the packages that give documents their meaning.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from cmcore.document.composition import FINDINGS_MAX
from cmcore.document.explanation import Fault, explained
from cmcore.document.schema import Shape
from cmcore.document.text import Document
from cmcore.document.wording import closest
from cmcore.errors import DocumentError, Problem

__all__ = ["closest", "load"]

M = TypeVar("M", bound=BaseModel)

_LOCATED_MAX = 2_000  # of 50,000 unknown keys, nobody misses the others, and each takes 15 us
_OTHER_TYPE = frozenset(["literal_error", "enum", "none_required", "int_from_float"])


def load(document: Document, model: type[M]) -> M:
    """The model's instance; raises DocumentError with all problems, in the order of the text.

    Strict as JSON is: no number from text, but a list for a tuple or set, an integer for a float, text for an
    enumeration, a date or a path.
    """
    try:
        return model.model_validate_json(json.dumps(document.value), strict=True)
    except ValidationError as error:
        raise DocumentError(_problems(error, document, model)) from error


def _problems(error: ValidationError, document: Document, model: type[BaseModel]) -> list[Problem]:
    shape = Shape(model)
    details = without_echoes(error.errors(include_url=False, include_input=False))
    faults = [Fault(detail, shape.spot(detail["loc"])) for detail in details[:_LOCATED_MAX]]
    groups = sorted(_settled(faults, 0), key=lambda group: document.mark(group[0].spot.path))
    problems = [explained(group, document) for group in groups[:FINDINGS_MAX]]
    problems.sort(key=lambda problem: (problem.line, problem.column))
    if len(groups) > FINDINGS_MAX:
        last = problems[-1]
        message = f"more than {FINDINGS_MAX} problems; the rest is not shown"
        problems.append(Problem(message=message, file=document.file, line=last.line, column=last.column))
    return problems


def without_echoes(details: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """The errors without those that only follow from another: pydantic counts a list without its wrong items, and says
    then that it is too short."""
    if all(detail["type"] != "too_short" for detail in details):
        return list(details)
    inner = {detail["loc"][:depth] for detail in details for depth in range(len(detail["loc"]))}
    return [detail for detail in details if detail["type"] != "too_short" or detail["loc"] not in inner]


def _settled(faults: Iterable[Fault], depth: int) -> list[Sequence[Fault]]:
    """The faults grouped into problems: of the members of a union, only the one that was probably meant speaks."""
    settled: list[Sequence[Fault]] = []
    unions: dict[object, dict[str, list[Fault]]] = {}
    for fault in faults:
        if len(fault.spot.branches) <= depth:
            settled.append([fault])
        else:
            branch = fault.spot.branches[depth]
            unions.setdefault(branch.path, {}).setdefault(branch.label, []).append(fault)
    for members in unions.values():
        meant = [member for member in members.values() if not any(_wanted_other_type(fault, depth) for fault in member)]
        if meant:
            fewest: list[Fault] = min(meant, key=len)
            settled += _settled(fewest, depth + 1)
        else:
            every = [fault for member in members.values() for fault in member]
            settled.append([fault for fault in every if _wanted_other_type(fault, depth)])
    return settled


def _wanted_other_type(fault: Fault, depth: int) -> bool:
    """Whether a member of the union at this depth failed at once, without looking into the value."""
    at_once = fault.spot.path == fault.spot.branches[depth].path
    return at_once and (fault.kind.endswith("_type") or fault.kind in _OTHER_TYPE)
