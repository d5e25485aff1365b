"""What the plugin gives: names and packaged specs. Imports nothing heavy; cmcore loads this module always."""

from __future__ import annotations

from cmcore.hooks import Provider, hookimpl

CMCORE_API = ">=1,<2"

COMPONENTS = {
    "CsvExampleGen": "CSV files by span to Parquet examples by span and split",
    "StatisticsGen": "Statistics of every split and span, as JSON and as a page",
    "SchemaGen": "Types, presence, domains and ranges inferred from one split",
    "ExampleValidator": "Anomalies against the schema, skew and drift",
    "Transform": "Features fitted on the training split, exportable as ONNX",
    "Trainer": "A scikit-learn classifier with its transform inside, as ONNX and skops",
    "Evaluator": "Metrics with intervals, slices, comparison with a baseline, blessing",
    "Pusher": "A blessed model into a folder of versions",
}


@hookimpl
def cmcore_providers() -> list[Provider]:
    """The standard components for tabular data."""
    return [
        Provider(kind="component", name=name, spec=f"cmcore_tabular:component_specs/{name}.yaml", summary=summary)
        for name, summary in COMPONENTS.items()
    ]
