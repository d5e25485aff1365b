"""Trainer: a fitted estimator with its transform inside, as a model in MLflow's layout."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cmcore import CodeRef, Context
from cmcore.artifacts import Examples, Model, TransformGraph
from cmcore_tabular.dataset import load_split
from cmcore_tabular.model.layout import FLAVORS, write_model
from cmcore_tabular.model.loaded import LoadedModel, agreement, require_agreement
from cmcore_tabular.training.estimators import fit_by_function, fit_estimator
from cmcore_tabular.transform.graph import FittedTransform

SAMPLE_ROWS = 5


def trainer(
    *,
    transformed: Examples,
    transform_graph: TransformGraph,
    examples: Examples,
    model: Model,
    estimator: CodeRef,
    estimator_parameters: Mapping[str, object],
    train: CodeRef | None,
    train_split: str,
    eval_split: str,
    seed: int,
    tolerance: float,
    context: Context,
) -> dict[str, object]:
    """Fit on the transformed training split, store the model, and check its two forms on raw evaluation rows."""
    fitted = FittedTransform.read(transform_graph.path)
    rows = load_split(transformed, train_split)
    features = rows.select(fitted.output_names()).to_numpy().astype(np.float64)
    labels = rows[fitted.label].to_numpy()
    context.progress(0, 3, f"fitting on {rows.height} rows of {features.shape[1]} columns")
    if train is None:
        classifier = fit_estimator(estimator, estimator_parameters, seed, features, labels)
    else:
        classifier = fit_by_function(train, estimator_parameters, features, labels)
    context.progress(1, 3, "writing ONNX and skops")
    raw = load_split(examples, eval_split, fitted.input_names())
    sample = raw if raw.height else load_split(examples, train_split, fitted.input_names())
    name = f"{type(classifier).__module__}.{type(classifier).__qualname__}"
    write_model(
        model.path, fitted, classifier, sample.head(SAMPLE_ROWS),
        {
            "estimator": name, "label": fitted.label, "classes": [int(value) for value in classifier.classes_],
            "training_rows": rows.height,
        },
    )  # fmt: skip
    context.progress(2, 3, f"comparing ONNX and skops on {raw.height} raw rows")
    found = agreement(LoadedModel.read(model.path), raw, tolerance)
    context.log(f"ONNX and skops differ by at most {found.max_difference:.2g} on {found.rows} raw rows")
    require_agreement(found)
    model.framework, model.flavors = "sklearn", list(FLAVORS)
    return {"training_rows": rows.height, "max_difference": found.max_difference}
