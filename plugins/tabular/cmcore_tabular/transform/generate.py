"""Transform: fit on the training split, apply to every split, keep the fitted graph for the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import polars as pl

from cmcore import CodeRef, Context
from cmcore.artifacts import Examples, Schema, TransformGraph
from cmcore_tabular.dataset import ParquetSink, arrow_schema, batches, span_file, spans_of, split_names
from cmcore_tabular.documents import write_json
from cmcore_tabular.errors import TabularError
from cmcore_tabular.schema.document import SchemaDocument
from cmcore_tabular.statistics.accumulate import as_numbers
from cmcore_tabular.transform.declaration import FeatureDeclarations
from cmcore_tabular.transform.expressions import Column, Expression, as_expression
from cmcore_tabular.transform.fit import fit_transform, plan_features, raw_inputs
from cmcore_tabular.transform.graph import TRANSFORM_FILE, FittedTransform


def transform(
    *,
    examples: Examples,
    schema: Schema,
    transform_graph: TransformGraph,
    transformed: Examples,
    features: FeatureDeclarations | Mapping[str, object],
    label: str,
    train_split: str,
    derive: CodeRef | None,
    context: Context,
) -> dict[str, object]:
    """Fit the declared features and write each split's matrix, label last, one file per span."""
    demands = SchemaDocument.read(schema.path)
    if label not in demands.columns:
        raise TabularError(f"no column {label!r} for the label; columns: {', '.join(demands.columns)}")
    planned = plan_features(FeatureDeclarations.model_validate(features), derived_columns(derive), demands)
    inputs = raw_inputs(planned, demands, label)
    names = [column.name for column in inputs]
    training = (batch for file in spans_of(examples, train_split).values() for batch in batches(file, names))
    fitted = fit_transform(planned, inputs, label, training)
    write_json(transform_graph.path / TRANSFORM_FILE, fitted)
    splits = split_names(examples)
    for done, split in enumerate(splits):
        context.progress(done, len(splits), f"split {split}")
        for span, file in spans_of(examples, split).items():
            _write_matrix(fitted, file, span_file(transformed.path, split, span))
    transformed.span, transformed.version, transformed.splits = examples.span, examples.version, splits
    context.log(f"{len(planned)} features of {len(inputs)} raw columns: {len(fitted.output_names())} columns")
    return {"feature_count": len(fitted.output_names())}


def derived_columns(derive: CodeRef | None) -> dict[str, Expression]:
    """What a user's function makes of the raw columns; it builds expressions, it sees no data."""
    if derive is None:
        return {}
    function = derive.load()
    if not callable(function):
        raise TabularError(f"{derive} is {function!r}, not a function of columns")
    result = function(Column)
    if not isinstance(result, dict):
        raise TabularError(f"{derive} must return a dict of expressions by name, not {type(result).__name__}")
    return {str(name): as_expression(value) for name, value in result.items()}


def labels(values: pl.Series) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """A label column as 0 and 1; raises TabularError with what else was found."""
    found = as_numbers(values)
    if not np.isin(found, (0.0, 1.0)).all():
        odd = sorted({str(value) for value in found if value not in (0.0, 1.0)})[:5]
        raise TabularError(
            f"the label {values.name!r} must be 0 or 1 in every row; found {', '.join(odd)}. "
            f"Rows without a label are dropped by CsvExampleGen's `required`"
        )
    return found.astype(np.int64)


def transformed_batches(fitted: FittedTransform, file: Path) -> Iterator[pl.DataFrame]:
    """The features and the label of one file's rows, batch by batch."""
    for batch in batches(file, [*fitted.input_names(), fitted.label]):
        matrix = fitted.matrix(fitted.raw_columns(batch))
        frame = pl.DataFrame({name: matrix[:, index] for index, name in enumerate(fitted.output_names())})
        yield frame.with_columns(pl.Series(fitted.label, labels(batch[fitted.label])))


def _write_matrix(fitted: FittedTransform, source: Path, target: Path) -> None:
    schema = {**dict.fromkeys(fitted.output_names(), pl.Float32()), fitted.label: pl.Int64()}
    sink = ParquetSink(target, arrow_schema(pl.DataFrame(schema=schema)))
    try:
        for frame in transformed_batches(fitted, source):
            sink.write(frame)
    finally:
        sink.close()
