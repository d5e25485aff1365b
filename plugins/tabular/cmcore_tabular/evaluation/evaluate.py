"""Evaluator: a model on one split, overall, by slice and against a baseline; its blessing with the reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from cmcore import Context
from cmcore.artifacts import Blessing, Evaluation, Examples, Model
from cmcore_tabular.dataset import load_split
from cmcore_tabular.documents import write_json
from cmcore_tabular.errors import TabularError
from cmcore_tabular.evaluation.document import (
    BLESSING_FILE,
    EVALUATION_FILE,
    PAGE_FILE,
    Comparison,
    EvaluationDocument,
    Metric,
    SliceEvaluation,
)
from cmcore_tabular.evaluation.metrics import SLICE_METRICS, Scored, calibration, metric_difference, metric_estimate
from cmcore_tabular.evaluation.page import evaluation_page
from cmcore_tabular.evaluation.slices import slice_columns, slice_rows
from cmcore_tabular.evaluation.thresholds import Thresholds
from cmcore_tabular.evaluation.verdict import verdict
from cmcore_tabular.model.loaded import LoadedModel, agreement
from cmcore_tabular.transform.generate import labels


@dataclass(frozen=True, slots=True, kw_only=True)
class Sliced:
    """The metrics of every slice, and how many slices of each kind were left out for want of room."""

    slices: tuple[SliceEvaluation, ...]
    left_out: dict[str, int]


def evaluator(
    *,
    model: Model,
    examples: Examples,
    baseline: Model | None,
    evaluation: Evaluation,
    blessing: Blessing,
    eval_split: str,
    slices: Sequence[str],
    max_slices: int,
    decision_threshold: float,
    thresholds: Thresholds | Mapping[str, object],
    tolerance: float,
    context: Context,
) -> dict[str, object]:
    """Measure, compare, judge; write the document, the page and the blessing."""
    demands = Thresholds.model_validate(thresholds)
    loaded = LoadedModel.read(model.path)
    rows = load_split(examples, eval_split)
    scored = score(loaded, rows, decision_threshold)
    context.progress(1, 3, f"{rows.height} rows scored")
    sliced = evaluate_slices(rows, scored, slices, max_slices)
    document = EvaluationDocument(
        model=model.digest or "", split=eval_split, decision_threshold=decision_threshold,
        overall=evaluate_rows(scored, {}, tuple(Metric)),
        slices=sliced.slices, slices_left_out=sliced.left_out, calibration=calibration(scored),
        comparison=compare(scored, baseline, rows) if baseline else None,
        agreement=agreement(loaded, rows, tolerance),
    )  # fmt: skip
    context.progress(2, 3, "judging")
    judged = verdict(document, demands)
    write_json(evaluation.path / EVALUATION_FILE, document)
    (evaluation.path / PAGE_FILE).write_text(evaluation_page(document, judged), encoding="utf-8")
    write_json(blessing.path / BLESSING_FILE, judged)
    about, against = model.digest or "", (baseline.digest or "") if baseline else ""
    evaluation.model, evaluation.baseline_model = about, against
    blessing.blessed, blessing.current_model, blessing.baseline_model = judged.blessed, about, against
    values = {name: estimate.value for name, estimate in document.overall.metrics.items()}
    for name, value in values.items():
        if value is not None:
            context.metric(str(name), value)
    context.log(f"{'blessed' if judged.blessed else 'not blessed'}: {judged.reason}")
    return {"blessed": judged.blessed, **{key: _or_nan(values[Metric(key)]) for key in ("auc", "log_loss", "accuracy")}}


def score(model: LoadedModel, rows: pl.DataFrame, threshold: float) -> Scored:
    """The model's probabilities beside the labels of raw rows."""
    label = model.transform.label
    if label not in rows.columns:
        raise TabularError(
            f"the rows lack the label {label!r} that the model predicts; columns: {', '.join(rows.columns)}"
        )
    return Scored(label=labels(rows[label]) == 1, probability=model.probabilities(rows), threshold=threshold)


def evaluate_rows(scored: Scored, of: dict[str, str], metrics: Sequence[Metric]) -> SliceEvaluation:
    """The metrics of some rows."""
    estimates = {metric: metric_estimate(metric, scored) for metric in metrics}
    return SliceEvaluation(of=of, rows=len(scored.label), positives=int(scored.label.sum()), metrics=estimates)


def evaluate_slices(rows: pl.DataFrame, scored: Scored, slices: Sequence[str], limit: int) -> Sliced:
    """The metrics of the largest slices of every kind."""
    found, left_out = [], {}
    for columns in slice_columns(slices):
        chosen, rest = slice_rows(rows, columns, limit)
        found += [evaluate_rows(scored.only(mask), of, SLICE_METRICS) for of, mask in chosen]
        if rest:
            left_out[",".join(columns)] = rest
    return Sliced(slices=tuple(found), left_out=left_out)


def compare(scored: Scored, baseline: Model, rows: pl.DataFrame) -> Comparison:
    """The model against the baseline on the same rows."""
    other = score(LoadedModel.read(baseline.path), rows, scored.threshold)
    differences = {metric: metric_difference(metric, scored, other) for metric in Metric}
    return Comparison(
        baseline=baseline.digest or "",
        metrics={metric: metric_estimate(metric, other) for metric in Metric},
        differences={metric: difference for metric, difference in differences.items() if difference},
    )


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value
