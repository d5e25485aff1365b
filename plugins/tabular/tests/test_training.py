from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import ClassifierMixin
from sklearn.linear_model import LogisticRegression

from cmcore import CodeRef
from cmcore_tabular.errors import TabularError
from cmcore_tabular.training.estimators import fit_by_function, fit_estimator, new_estimator

ROWS = np.random.default_rng(0).normal(size=(60, 2))
LABELS = (ROWS[:, 0] > 0).astype(np.int64)
FOREST = CodeRef("sklearn.ensemble:RandomForestClassifier")


def logistic(features: np.ndarray, labels: np.ndarray, strength: float = 1.0) -> ClassifierMixin:
    return LogisticRegression(C=strength).fit(features, labels)


def unfitted(features: np.ndarray, labels: np.ndarray) -> ClassifierMixin:
    return LogisticRegression()


def test_the_seed_goes_where_it_is_taken() -> None:
    assert new_estimator(FOREST, {}, 7).get_params()["random_state"] == 7


def test_a_given_random_state_stays() -> None:
    assert new_estimator(FOREST, {"random_state": 3}, 7).get_params()["random_state"] == 3


def test_equal_data_gives_an_equal_model() -> None:
    first, second = (fit_estimator(FOREST, {"n_estimators": 5}, 0, ROWS, LABELS) for _ in range(2))
    assert np.array_equal(first.predict_proba(ROWS), second.predict_proba(ROWS))


def test_a_function_of_ones_own_is_given_its_parameters() -> None:
    assert fit_by_function(CodeRef.of(logistic), {"strength": 0.5}, ROWS, LABELS).get_params()["C"] == 0.5


def test_a_function_must_return_a_fitted_classifier() -> None:
    with pytest.raises(TabularError, match="unfitted must return a fitted scikit-learn classifier"):
        fit_by_function(CodeRef.of(unfitted), {}, ROWS, LABELS)


def test_what_is_no_classifier_is_named() -> None:
    with pytest.raises(
        TabularError, match=r"sklearn.linear_model:LinearRegression is .*, not a scikit-learn classifier"
    ):
        new_estimator(CodeRef("sklearn.linear_model:LinearRegression"), {}, 0)


def test_refused_parameters_are_named() -> None:
    with pytest.raises(TabularError, match=r"refuses its parameters: .*'trees'"):
        new_estimator(FOREST, {"trees": 3}, 0)


@pytest.mark.parametrize("labels", [np.zeros(60, dtype=np.int64), np.empty(0, dtype=np.int64)])
def test_one_label_is_not_enough(labels: np.ndarray) -> None:
    with pytest.raises(TabularError, match="training needs rows of label 0 and of label 1"):
        fit_estimator(FOREST, {}, 0, ROWS[: len(labels)], labels)
