"""What a filter is once it has been read: frozen values. Reading is `parse`, evaluating `match`, SQL is `select`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

Scalar = str | float | bool


class Comparator(StrEnum):
    """How a field is compared; LIKE has `%` and `_` as SQL has, and ignores case."""

    EQUAL = "="
    UNEQUAL = "!="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="
    LIKE = "like"
    IN = "in"
    EXISTS = "exists"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """`group.name`, such as `metrics.auc` or `params."learning rate"`; a field of the thing itself has no group."""

    group: str
    name: str

    def __str__(self) -> str:
        return f"{self.group}.{self.name}" if self.group else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One field against literals: one, for IN any number, for EXISTS none. A field without a value matches nothing."""

    field: Field
    comparator: Comparator
    values: tuple[Scalar, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Not:
    """The opposite, also for a field without a value."""

    operand: Filter


@dataclass(frozen=True, slots=True, kw_only=True)
class And:
    """All of them."""

    operands: tuple[Filter, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Or:
    """At least one of them."""

    operands: tuple[Filter, ...]


Filter = Comparison | Not | And | Or
