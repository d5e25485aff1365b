"""Estimators by import path or by a user's function; fitted so that equal data gives an equal model."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped] # ships no types

from cmcore import CodeRef
from cmcore_tabular.errors import TabularError

Features = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


def new_estimator(reference: CodeRef, parameters: Mapping[str, object], seed: int) -> ClassifierMixin:
    """An unfitted estimator; where it takes a random_state and none is given, it gets the seed."""
    kind = reference.load()
    if not (isinstance(kind, type) and issubclass(kind, ClassifierMixin)):
        raise TabularError(f"{reference} is {kind!r}, not a scikit-learn classifier class")
    try:
        estimator = kind(**parameters)
    except TypeError as error:
        raise TabularError(f"{reference} refuses its parameters: {error}") from error
    if estimator.get_params().get("random_state", 0) is None:
        estimator.set_params(random_state=seed)
    return estimator


def fit_estimator(
    reference: CodeRef, parameters: Mapping[str, object], seed: int, features: Features, labels: Labels
) -> ClassifierMixin:
    """A fitted estimator. One thread: sums in another order are other numbers."""
    _require_both_labels(labels)
    estimator = new_estimator(reference, parameters, seed)
    with threadpool_limits(limits=1):
        return with_exact_thresholds(estimator.fit(features, labels))


def fit_by_function(
    function: CodeRef, parameters: Mapping[str, object], features: Features, labels: Labels
) -> ClassifierMixin:
    """What a user's function(features, labels, **parameters) returns: a fitted classifier for labels 0 and 1."""
    _require_both_labels(labels)
    train = function.load()
    if not callable(train):
        raise TabularError(f"{function} is {train!r}, not a function(features, labels, **parameters)")
    with threadpool_limits(limits=1):
        estimator = train(features, labels, **parameters)
    if not isinstance(estimator, ClassifierMixin) or list(vars(estimator).get("classes_", [])) != [0, 1]:
        raise TabularError(f"{function} must return a fitted scikit-learn classifier of labels 0 and 1")
    return with_exact_thresholds(estimator)


def with_exact_thresholds(estimator: ClassifierMixin) -> ClassifierMixin:
    """The estimator with its thresholds rounded down to 32-bit floats, which changes none of its answers.

    Features are 32-bit floats, so x <= t says the same as x <= (the largest 32-bit float up to t). ONNX's trees
    hold 32-bit thresholds; skl2onnx rounds those of histogram gradient boosting to nearest, which may be above.
    """
    if isinstance(estimator, HistGradientBoostingClassifier):
        for predictor in (each for iteration in estimator._predictors for each in iteration):  # noqa: SLF001 # no public way
            exact = predictor.nodes["num_threshold"]
            nearest = exact.astype(np.float32)
            below = np.where(nearest > exact, np.nextafter(nearest, np.float32(-np.inf)), nearest)
            predictor.nodes["num_threshold"] = below
    return estimator


def _require_both_labels(labels: Labels) -> None:
    found = np.unique(labels).tolist()
    if found != [0, 1]:
        raise TabularError(f"training needs rows of label 0 and of label 1; found {found or 'no rows'}")
