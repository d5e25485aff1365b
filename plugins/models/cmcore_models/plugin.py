"""What the plugin gives: names, factories, a packaged spec. Imports nothing heavy; cmcore loads this module always."""

from __future__ import annotations

from cmcore.hooks import Provider, hookimpl

CMCORE_API = ">=1,<2"

FLAVORS = {
    "onnx": ("cmcore_models.onnx_predictor:OnnxPredictor", "ONNX graphs in onnxruntime"),
    "sklearn": ("cmcore_models.sklearn_predictor:SklearnPredictor", "scikit-learn models in skops files"),
    "python_function": ("cmcore_models.pyfunc_predictor:PyfuncPredictor", "Any model that MLflow can load"),
}


@hookimpl
def cmcore_providers() -> list[Provider]:
    """The predictors of three flavors, and batch prediction."""
    flavors = [
        Provider(kind="flavor", name=name, factory=factory, summary=summary)
        for name, (factory, summary) in FLAVORS.items()
    ]
    summary = "A model's answers for every row of Parquet files, resumable, in bounded memory"
    spec = "cmcore_models:component_specs/BatchPredictor.yaml"
    return [*flavors, Provider(kind="component", name="BatchPredictor", spec=spec, summary=summary)]
