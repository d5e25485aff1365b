"""The evaluation as one page a person can look at."""

from __future__ import annotations

from cmcore_tabular.evaluation.document import Estimate, EvaluationDocument, Metric, SliceEvaluation
from cmcore_tabular.evaluation.verdict import Verdict
from cmcore_tabular.pages import render

PLOT = 260


def evaluation_page(document: EvaluationDocument, judged: Verdict) -> str:
    """The page; equal documents give equal bytes."""
    return render(
        "evaluation.html.j2",
        {
            "document": document, "judged": judged, "plot": PLOT,
            "metrics": [_metric_row(metric, document) for metric in document.overall.metrics],
            "points": _calibration_points(document),
            "groups": _groups(document),
        },
    )  # fmt: skip


def _metric_row(metric: Metric, document: EvaluationDocument) -> dict[str, str]:
    comparison = document.comparison
    difference = comparison.differences.get(metric) if comparison else None
    return {
        "name": metric.replace("_", " "),
        "value": shown(document.overall.metrics[metric]),
        "baseline": shown(comparison.metrics[metric]) if comparison else "",
        "difference": shown(difference, signed=True) if difference else "",
        "method": document.overall.metrics[metric].method,
    }


def shown(estimate: Estimate, *, signed: bool = False) -> str:
    """An estimate with its interval, for the eye."""
    if estimate.value is None:
        return f"- ({estimate.reason})"
    form = "+.4f" if signed else ".4f"
    interval = f" [{estimate.low:{form}}, {estimate.high:{form}}]" if estimate.low is not None else ""
    return f"{estimate.value:{form}}{interval}"


def _calibration_points(document: EvaluationDocument) -> list[dict[str, object]]:
    return [
        {
            "x": round(each.predicted * PLOT, 1), "y": round((1 - each.observed) * PLOT, 1),
            "title": f"{each.rows} rows: predicted {each.predicted:.3f}, observed {each.observed:.3f}",
        }
        for each in document.calibration
    ]  # fmt: skip


def _groups(document: EvaluationDocument) -> list[dict[str, object]]:
    groups: dict[str, list[SliceEvaluation]] = {}
    for each in document.slices:
        groups.setdefault(",".join(each.of), []).append(each)
    overall = document.overall.metrics[Metric.AUC].value
    return [
        {
            "name": name,
            "left_out": document.slices_left_out.get(name, 0),
            "rows": [_slice_row(e, overall) for e in slices],
        }
        for name, slices in groups.items()
    ]


def _slice_row(evaluation: SliceEvaluation, overall: float | None) -> dict[str, object]:
    auc = evaluation.metrics[Metric.AUC]
    below = auc.high is not None and overall is not None and auc.high < overall
    above = auc.low is not None and overall is not None and auc.low > overall
    return {
        "name": ", ".join(evaluation.of.values()), "rows": evaluation.rows,
        "positives": evaluation.positives / evaluation.rows if evaluation.rows else 0.0,
        "auc": shown(auc), "class": "bad" if below else "good" if above else "",
        "log_loss": shown(evaluation.metrics[Metric.LOG_LOSS]), "accuracy": shown(evaluation.metrics[Metric.ACCURACY]),
    }  # fmt: skip
