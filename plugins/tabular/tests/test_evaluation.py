from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError

from cmcore import Context
from cmcore.artifacts import Blessing, Evaluation, Model
from cmcore_tabular.errors import TabularError
from cmcore_tabular.evaluation.document import Comparison, Estimate, EvaluationDocument, Metric, SliceEvaluation
from cmcore_tabular.evaluation.evaluate import evaluator
from cmcore_tabular.evaluation.slices import slice_rows
from cmcore_tabular.evaluation.thresholds import Thresholds
from cmcore_tabular.evaluation.verdict import verdict
from cmcore_tabular.model.loaded import Agreement

GOOD = Estimate(value=0.9, low=0.88, high=0.92)
AGREED = Agreement(rows=10, tolerance=1e-5, max_difference=1e-7, rows_beyond=0)


def document(difference: Estimate | None = None, agreed: Agreement = AGREED) -> EvaluationDocument:
    metrics = {Metric.AUC: GOOD, Metric.LOG_LOSS: Estimate(value=0.3, low=0.28, high=0.32)}
    comparison = (
        Comparison(baseline="sha256:b", metrics=metrics, differences={Metric.AUC: difference}) if difference else None
    )
    return EvaluationDocument(
        model="sha256:a", split="eval", decision_threshold=0.5, slices=(), slices_left_out={}, calibration=(),
        overall=SliceEvaluation(of={}, rows=10, positives=5, metrics=metrics), comparison=comparison, agreement=agreed,
    )  # fmt: skip


WORSE, MUCH_WORSE = Estimate(value=-0.001, low=-0.004, high=0.002), Estimate(value=-0.01, low=-0.02, high=0.0)
NEARLY = Estimate(value=-0.004, low=-0.006, high=0.0)
NONE = Estimate(value=None, reason="only one label occurs")


@pytest.mark.parametrize(
    ("demands", "evaluation", "blessed"),
    [
        ({}, document(), False),
        ({"auc": {"min": 0.87}}, document(), True),
        ({"auc": {"min": 0.89}}, document(), False),
        ({"auc": {"min": 0.89, "evidence": "value"}}, document(), True),
        ({"log_loss": {"max": 0.33}}, document(), True),
        ({"log_loss": {"max": 0.31}}, document(), False),
        ({"auc": {"min": 0.8}, "log_loss": {"max": 0.1}}, document(), False),
        ({"auc": {"max_worsening": 0.005}}, document(), True),
        ({"auc": {"max_worsening": 0.005}}, document(WORSE), True),
        ({"auc": {"max_worsening": 0.005}}, document(MUCH_WORSE), False),
        ({"auc": {"max_worsening": 0.005}}, document(NEARLY), False),
        ({"auc": {"max_worsening": 0.005}}, document(NONE), False),
        ({"log_loss": {"max_worsening": 0.005}}, document(WORSE), False),
        ({"auc": {"min": 0.5}}, document(agreed=AGREED.model_copy(update={"rows_beyond": 1})), False),
    ],
)
def test_the_verdict_follows_from_the_evidence(
    demands: dict[str, object], evaluation: EvaluationDocument, blessed: bool
) -> None:
    assert verdict(evaluation, Thresholds.model_validate(demands)).blessed is blessed


@pytest.mark.parametrize(("high", "blessed"), [(0.004, True), (0.006, False)])
def test_of_a_loss_the_upper_bound_is_the_worse_one(high: float, blessed: bool) -> None:
    compared = document(WORSE).comparison
    assert compared is not None
    differences = {Metric.LOG_LOSS: Estimate(value=0.001, low=-0.02, high=high)}
    evaluation = document().model_copy(update={"comparison": compared.model_copy(update={"differences": differences})})
    demands = Thresholds.model_validate({"log_loss": {"max_worsening": 0.005}})
    assert verdict(evaluation, demands).blessed is blessed


def test_a_refusal_says_what_was_expected_and_found() -> None:
    reason = verdict(document(), Thresholds.model_validate({"auc": {"min": 0.89}})).reason
    assert reason == "auc min: expected >= 0.89 at the interval bound, found 0.9000 [0.8800, 0.9200]"


@pytest.mark.parametrize("demands", [{"auk": {"min": 1}}, {"auc": {"minimum": 1}}, {"auc": {"evidence": "hope"}}])
def test_demands_that_mean_nothing_are_refused(demands: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Thresholds.model_validate(demands)


def test_slices_are_the_largest_first_and_hold_their_rows() -> None:
    rows = pl.DataFrame({"a": ["x", "y", "x", None, "x"]})
    found, left_out = slice_rows(rows, ["a"], 2)
    assert ([(of, np.flatnonzero(mask).tolist()) for of, mask in found], left_out) == (
        [({"a": "x"}, [0, 2, 4]), ({"a": "(missing)"}, [3])], 1,
    )  # fmt: skip


def test_an_unknown_slice_column_is_named() -> None:
    with pytest.raises(TabularError, match="slices: no column b; columns: a"):
        slice_rows(pl.DataFrame({"a": [1]}), ["b"], 5)


def evaluate(
    chain: object, folder: Path, baseline: Model | None, slices: list[str]
) -> tuple[dict[str, object], Blessing]:
    (folder / "evaluation").mkdir()
    (folder / "blessing").mkdir()
    blessing = Blessing.at(folder / "blessing")
    values = evaluator(
        model=chain.model, examples=chain.examples, baseline=baseline,  # type: ignore[attr-defined] # the session's chain
        evaluation=Evaluation.at(folder / "evaluation"), blessing=blessing, eval_split="eval", slices=slices,
        max_slices=100, decision_threshold=0.5, thresholds={"auc": {"min": 0.5}}, tolerance=1e-5, context=Context(),
    )  # fmt: skip
    return values, blessing


def test_an_evaluation_without_a_baseline_compares_nothing(chain: object, tmp_path: Path) -> None:
    values, blessing = evaluate(chain, tmp_path, None, [])
    found = json.loads((tmp_path / "evaluation" / "evaluation.json").read_text())
    assert (found["comparison"], blessing.blessed, values["blessed"]) == (None, True, True)


def test_a_slice_of_one_class_has_no_auc(chain: object, tmp_path: Path) -> None:
    evaluate(chain, tmp_path, None, ["label"])
    slices = json.loads((tmp_path / "evaluation" / "evaluation.json").read_text())["slices"]
    assert [each["metrics"]["auc"]["value"] for each in slices] == [None, None]


def test_a_model_is_not_worse_than_itself(chain: object) -> None:
    found = json.loads((chain.evaluation.path / "evaluation.json").read_text())  # type: ignore[attr-defined] # the session's chain
    assert found["comparison"]["differences"]["auc"]["value"] == 0.0


def test_the_page_fetches_nothing(chain: object) -> None:
    page = (chain.evaluation.path / "index.html").read_text()  # type: ignore[attr-defined] # the session's chain
    assert [word for word in ("http:", "https:", "<script", "src=", "@import", "url(") if word in page] == []
