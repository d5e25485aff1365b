"""The gate `where`: a filter over a version's metrics and properties. Pure; what is not known never lets it pass."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from pydantic import JsonValue

from cmcore.filters.match import matches
from cmcore.filters.parse import parse
from cmcore.filters.syntax import And, Comparator, Comparison, Field, Filter, Not, Or, Scalar
from cmcore.registry.facts import VersionFacts
from cmcore.registry.values import Finding


def where(text: str, facts: VersionFacts, properties: Mapping[str, JsonValue]) -> Finding:
    """Whether a filter holds; a value that is not there fails it under `not` too."""
    condition, known = parse(text), values_of(facts, properties)

    def lookup(asked: Field) -> Sequence[Scalar]:
        return known.get((asked.group, asked.name), ())

    absent = sorted({str(asked) for asked in denied(condition) if not lookup(asked)})
    holds = not absent and matches(condition, lookup)
    shown = ", ".join(f"{asked} {written(lookup(asked))}" for asked in dict.fromkeys(fields_of(condition)))
    return Finding(rule=f"where {text}", holds=holds, found=shown)


def values_of(facts: VersionFacts, properties: Mapping[str, JsonValue]) -> dict[tuple[str, str], Sequence[Scalar]]:
    """What filters of gates may ask for: metrics with their bounds, and properties."""
    known: dict[tuple[str, str], Sequence[Scalar]] = {}
    measures = facts.evaluation.metrics if facts.evaluation else {}
    for name, measure in measures.items():
        for key, value in ((name, measure.value), (f"{name}.low", measure.low), (f"{name}.high", measure.high)):
            if value is not None and math.isfinite(value):
                known["metrics", key] = (value,)
    for name, found in properties.items():
        if isinstance(found, str | int | float):
            known["properties", name] = (found,)
    return known


def fields_of(condition: Filter) -> Iterator[Field]:
    """Every field that a filter asks for."""
    match condition:
        case Comparison(field=asked):
            yield asked
        case Not(operand=operand):
            yield from fields_of(operand)
        case And(operands=operands) | Or(operands=operands):
            for operand in operands:
                yield from fields_of(operand)


def denied(condition: Filter) -> Iterator[Field]:
    """The fields that a `not` compares: `not metrics.rmse > 9` must not hold because nobody measured it."""
    match condition:
        case Not(operand=operand):
            yield from compared(operand)
        case And(operands=operands) | Or(operands=operands):
            for operand in operands:
                yield from denied(operand)


def compared(condition: Filter) -> Iterator[Field]:
    """The fields that a filter compares with something."""
    match condition:
        case Comparison(field=asked, comparator=comparator):
            if comparator is not Comparator.EXISTS:
                yield asked
        case Not(operand=operand):
            yield from compared(operand)
        case And(operands=operands) | Or(operands=operands):
            for operand in operands:
                yield from compared(operand)


def written(values: Sequence[Scalar]) -> str:
    """What was found under a field."""
    return (
        " ".join(f"is {value:.6g}" if isinstance(value, float) else f"is {value!r}" for value in values)
        or "is not known"
    )
