from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, brier_score_loss, log_loss, precision_score, recall_score, roc_auc_score

from cmcore_tabular.evaluation.document import Metric
from cmcore_tabular.evaluation.intervals import auc_difference, auc_estimate, share_estimate
from cmcore_tabular.evaluation.metrics import Scored, calibration, metric_difference, metric_estimate

ROWS = st.lists(
    st.tuples(st.booleans(), st.integers(1, 99).map(lambda each: each / 100)), min_size=4, max_size=60
).filter(lambda rows: 0 < sum(label for label, _ in rows) < len(rows))


def scored_rows(rows: list[tuple[bool, float]], threshold: float = 0.5) -> Scored:
    label, probability = zip(*rows, strict=True)
    return Scored(label=np.array(label), probability=np.array(probability), threshold=threshold)


def sample(size: int, seed: int, noise: float = 1.0) -> Scored:
    random = np.random.default_rng(seed)
    label = random.random(size) < 0.3
    score = 1 / (1 + np.exp(-(label * 2 - 1.5 + noise * random.normal(size=size))))
    return Scored(label=label, probability=score, threshold=0.5)


@given(ROWS)
def test_values_are_those_of_scikit_learn(rows: list[tuple[bool, float]]) -> None:
    scored = scored_rows(rows)
    label, probability, said = scored.label, scored.probability, scored.probability >= 0.5
    expected = {
        Metric.AUC: roc_auc_score(label, probability), Metric.LOG_LOSS: log_loss(label, probability),
        Metric.BRIER: brier_score_loss(label, probability), Metric.ACCURACY: accuracy_score(label, said),
        Metric.PRECISION: precision_score(label, said, zero_division=np.nan), Metric.RECALL: recall_score(label, said),
    }  # fmt: skip
    found = {metric: metric_estimate(metric, scored).value for metric in expected}
    values = {metric: np.nan if value is None else value for metric, value in found.items()}
    assert values == {metric: pytest.approx(value, nan_ok=True) for metric, value in expected.items()}


@given(ROWS)
def test_an_interval_holds_its_value(rows: list[tuple[bool, float]]) -> None:
    estimates = [metric_estimate(metric, scored_rows(rows)) for metric in Metric if metric != Metric.CALIBRATION_ERROR]
    assert all(
        each.low <= each.value + 1e-12 and each.value <= each.high + 1e-12
        for each in estimates
        if each.value is not None
    )  # type: ignore[operator] # both bounds come with a value


def test_the_auc_interval_is_as_wide_as_a_bootstrap_says() -> None:
    scored, random = sample(2_000, 0), np.random.default_rng(1)
    picks = [random.integers(0, 2_000, 2_000) for _ in range(300)]
    low, high = np.quantile(
        [roc_auc_score(scored.label[pick], scored.probability[pick]) for pick in picks], [0.025, 0.975]
    )
    found = auc_estimate(scored.label, scored.probability)
    assert (found.low, found.high) == (pytest.approx(low, abs=0.006), pytest.approx(high, abs=0.006))


def test_the_paired_interval_is_narrower_than_the_unpaired_one() -> None:
    scored = sample(2_000, 0)
    other = np.clip(scored.probability + np.random.default_rng(2).normal(size=2_000) * 0.01, 0, 1)
    single, paired = (
        auc_estimate(scored.label, scored.probability),
        auc_difference(scored.label, scored.probability, other),
    )
    assert paired.high - paired.low < (single.high - single.low) / 5  # type: ignore[operator] # both labels occur


@pytest.mark.parametrize("metric", [Metric.AUC, Metric.LOG_LOSS, Metric.BRIER, Metric.ACCURACY])
def test_a_model_does_not_differ_from_itself(metric: Metric) -> None:
    scored = sample(200, 0)
    difference = metric_difference(metric, scored, scored)
    assert difference is not None
    assert (difference.value, difference.low, difference.high) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("label", [True, False])
def test_one_label_has_no_auc_and_says_so(label: bool) -> None:
    found = metric_estimate(Metric.AUC, scored_rows([(label, 0.2), (label, 0.7)]))
    assert (found.value, found.reason) == (None, "only one label occurs")


@pytest.mark.parametrize("metric", list(Metric))
def test_no_rows_have_no_metric(metric: Metric) -> None:
    empty = Scored(label=np.empty(0, dtype=bool), probability=np.empty(0), threshold=0.5)
    assert metric_estimate(metric, empty).value is None


def test_certainty_that_is_wrong_has_a_finite_loss() -> None:
    assert metric_estimate(Metric.LOG_LOSS, scored_rows([(True, 0.0), (False, 1.0)])).value == pytest.approx(
        34.5, abs=0.1
    )


def test_wilson_gives_the_published_interval() -> None:
    found = share_estimate(81, 263, "")  # Newcombe (1998), table I: 0.2553 to 0.3662
    assert (found.low, found.high) == (pytest.approx(0.2553, abs=1e-4), pytest.approx(0.3662, abs=1e-4))


def test_calibration_bins_hold_every_row_once() -> None:
    bins = calibration(sample(1_000, 0))
    assert (sum(each.rows for each in bins), len(bins)) == (1_000, 10)


def test_equal_probabilities_are_one_bin() -> None:
    bins = calibration(scored_rows([(True, 0.3), (False, 0.3), (False, 0.3)]))
    assert [(each.rows, each.predicted) for each in bins] == [(3, pytest.approx(0.3))]


def test_a_calibrated_model_has_a_small_error() -> None:
    random = np.random.default_rng(0)
    chance = random.random(20_000)
    scored = Scored(label=random.random(20_000) < chance, probability=chance, threshold=0.5)
    assert metric_estimate(Metric.CALIBRATION_ERROR, scored).value < 0.012  # type: ignore[operator] # there are rows
