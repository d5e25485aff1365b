"""Fitting: declarations and the training split to a fitted transform, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from cmcore_tabular.csv_types import ColumnType
from cmcore_tabular.errors import TabularError
from cmcore_tabular.schema.document import SchemaDocument
from cmcore_tabular.sketches import QuantileSketch, TopValues
from cmcore_tabular.statistics.accumulate import Moments
from cmcore_tabular.transform.declaration import (
    FeatureDeclaration,
    FeatureDeclarations,
    NumericFeature,
    OneHotFeature,
    OrdinalFeature,
)
from cmcore_tabular.transform.expressions import Expression, column_names, replace_columns, to_json
from cmcore_tabular.transform.graph import (
    FittedFeature,
    FittedNumeric,
    FittedOneHot,
    FittedOrdinal,
    FittedTransform,
    RawColumn,
    RawColumns,
    RawType,
    numbers,
)
from cmcore_tabular.transform.operations import is_text
from cmcore_tabular.transform.vocabulary import parse_expression

TEXT_TYPES = (ColumnType.STRING, ColumnType.BOOL)
CATEGORIES = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedFeature:
    """A declared feature, its expression over raw columns, and whether that gives text."""

    name: str
    declaration: FeatureDeclaration
    expression: Expression
    text: bool


class FeatureFit:
    """One feature while the training split passes by."""

    def __init__(self, plan: PlannedFeature) -> None:
        self.plan = plan
        self._moments, self._sketch, self._values = Moments(), QuantileSketch(), TopValues(CATEGORIES)

    def add(self, raw: RawColumns) -> None:
        """Take a batch into account."""
        if self.plan.text:
            self._values.add(raw[next(column_names(self.plan.expression))])
            return
        values = numbers(self.plan.expression, raw)
        finite = values[np.isfinite(values)]
        if isinstance(self.plan.declaration, NumericFeature):
            self._moments.add(finite)
            self._sketch.add(finite)
        else:
            self._values.add(pl.Series(finite).cast(pl.String))

    def fitted(self) -> FittedFeature:
        """The feature with what the training split taught."""
        name, expression = self.plan.name, to_json(self.plan.expression)
        match self.plan.declaration:
            case NumericFeature() as declared:
                return self._numeric(declared)
            case OneHotFeature(unknown=unknown) as declared:
                categories = self._categories(declared.max_categories, declared.min_count)
                kept = tuple(categories) if self.plan.text else tuple(sorted(float(value) for value in categories))
                return FittedOneHot(name=name, expression=expression, categories=kept, other=unknown == "other")
            case OrdinalFeature() as declared:
                categories = self._categories(declared.max_categories, declared.min_count)
                return FittedOrdinal(name=name, expression=expression, categories=tuple(categories))

    def _categories(self, limit: int, min_count: int) -> list[str]:
        categories = [value for value, count in self._values.top(limit) if count >= min_count]
        if not categories:
            raise TabularError(f"feature {self.plan.name!r}: no category occurs {min_count} times in training")
        return categories

    def _numeric(self, declared: NumericFeature) -> FittedNumeric:
        moments = self._moments
        if not moments.count and (declared.impute != "none" or declared.scale != "none"):
            raise TabularError(f"feature {self.plan.name!r} has no value in training, so nothing can be fitted to it")
        fills = {"none": None, "zero": 0.0, "mean": moments.mean, "median": self._median()}
        center, scale = 0.0, 1.0
        if declared.scale == "standard":
            center, scale = moments.mean, moments.std or 1.0
        elif declared.scale == "min_max":
            center, scale = moments.min, (moments.max - moments.min) or 1.0
        return FittedNumeric(
            name=self.plan.name, expression=to_json(self.plan.expression), fill=fills[declared.impute],
            center=center, scale=scale, indicator=declared.indicator,
        )  # fmt: skip

    def _median(self) -> float | None:
        return float(self._sketch.quantiles(np.array([0.5]))[0]) if self._moments.count else None


def plan_features(
    declarations: FeatureDeclarations, derived: Mapping[str, Expression], schema: SchemaDocument
) -> list[PlannedFeature]:
    """Declared features with their expressions, by name; raises TabularError with every problem at once."""
    texts = frozenset(name for name, column in schema.columns.items() if column.type in TEXT_TYPES)
    planned, problems = [], []
    for name, declaration in sorted(declarations.root.items()):
        try:
            expression = replace_columns(parse_expression(declaration.of or name), dict(derived))
            planned.append(_plan(name, declaration, expression, schema, texts))
        except TabularError as error:
            problems.append(f"  {name}: {error}")
    if problems:
        raise TabularError("these features cannot be made:\n" + "\n".join(problems))
    if not planned:
        raise TabularError("no feature is declared; for example {distance: {kind: numeric}}")
    return planned


def _plan(
    name: str, declaration: FeatureDeclaration, expression: Expression, schema: SchemaDocument, texts: frozenset[str]
) -> PlannedFeature:
    if unknown := sorted(set(column_names(expression)) - set(schema.columns)):
        raise TabularError(f"no column {', '.join(unknown)} in the schema; columns: {', '.join(schema.columns)}")
    text = is_text(expression, texts)
    if isinstance(declaration, NumericFeature) and text:
        raise TabularError("is text; use kind one_hot or ordinal")
    if isinstance(declaration, OrdinalFeature) and not text:
        raise TabularError("is a number, which has an order of its own; use kind numeric or one_hot")
    return PlannedFeature(name=name, declaration=declaration, expression=expression, text=text)


def raw_inputs(planned: Iterable[PlannedFeature], schema: SchemaDocument, label: str) -> tuple[RawColumn, ...]:
    """The raw columns that the features read, by name, in their serving types.

    A whole number that is never missing stays one; one that may be missing must be a double, because MLflow's
    `long` knows no missing value.
    """
    names = sorted({name for feature in planned for name in column_names(feature.expression)})
    if label in names:
        raise TabularError(f"the label {label!r} is read by a feature; a model may not see the answer")
    return tuple(RawColumn(name=name, type=_raw_type(schema, name)) for name in names)


def _raw_type(schema: SchemaDocument, name: str) -> RawType:
    column = schema.columns[name]
    if column.type in TEXT_TYPES:
        return RawType.STRING
    return RawType.LONG if column.type is ColumnType.INT and column.required else RawType.DOUBLE


def fit_transform(
    planned: Iterable[PlannedFeature], inputs: tuple[RawColumn, ...], label: str, rows: Iterable[pl.DataFrame]
) -> FittedTransform:
    """The transform that the training rows, batch by batch, teach."""
    fits = [FeatureFit(feature) for feature in planned]
    reader = FittedTransform(inputs=inputs, features=(), label=label)
    for batch in rows:
        raw = reader.raw_columns(batch)
        for fit in fits:
            fit.add(raw)
    return FittedTransform(inputs=inputs, features=tuple(fit.fitted() for fit in fits), label=label)
