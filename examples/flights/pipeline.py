"""Will this flight arrive more than 15 minutes late? From twelve monthly files to a registered and pushed model.

The same pipeline as pipeline.yaml, node for node.
"""

from __future__ import annotations

from flights_features import derive

from cmcore import InfraValidator, Registrar, importer, pipeline, resolver
from cmcore.artifacts import Files
from cmcore_tabular import (
    CsvExampleGen,
    Evaluator,
    ExampleValidator,
    Pusher,
    SchemaGen,
    StatisticsGen,
    Trainer,
    Transform,
)

FEATURES = {
    "dep_delay": {"kind": "numeric"},
    "distance": {"kind": "numeric"},
    "month": {"kind": "numeric"},
    "hour": {"kind": "numeric"},
    "weekday": {"kind": "numeric"},
    "departure_sin": {"kind": "numeric"},
    "departure_cos": {"kind": "numeric"},
    "block_minutes": {"kind": "numeric"},
    "carrier": {"kind": "one_hot"},
    "origin": {"kind": "one_hot"},
    "dest": {"kind": "ordinal"},
    "temp": {"kind": "numeric"},
    "humid": {"kind": "numeric", "impute": "median", "indicator": True},
    "dew_spread": {"kind": "numeric", "of": "temp - dewp"},
    "wind_dir": {"kind": "numeric"},
    "wind_speed": {"kind": "numeric"},
    "wind_gust": {"kind": "numeric"},
    "precip": {"kind": "numeric"},
    "pressure": {"kind": "numeric"},
    "visib": {"kind": "numeric"},
}
THRESHOLDS = {
    "auc": {"min": 0.9, "max_worsening": 0.005},
    "log_loss": {"max": 0.3},
    "calibration_error": {"max": 0.03},
}


@pipeline
def flights(data: str = "data", spans: str = "1..12", iterations: int = 200, destination: str = "pushed") -> None:
    """Predict arrival delay over 15 minutes from what is known at departure."""
    raw = importer(uri=data, type=Files).named("raw")
    gen = CsvExampleGen(
        files=raw.artifact,
        pattern="flights-{span}.csv",
        spans=spans,
        splits={"train": 4, "eval": 1},
        key=["year", "month", "day", "carrier", "flight", "origin", "sched_dep_time"],
        required=["late"],
    ).named("gen")
    stats = StatisticsGen(examples=gen.examples).named("stats")
    schema = SchemaGen(statistics=stats.statistics).named("schema")
    ExampleValidator(statistics=stats.statistics, schema=schema.schema, ignore=["year", "month", "tailnum"]).named(
        "validator"
    )
    transform = Transform(examples=gen.examples, schema=schema.schema, features=FEATURES, label="late", derive=derive)
    trainer = Trainer(
        transformed=transform.transformed,
        transform_graph=transform.transform_graph,
        examples=gen.examples,
        estimator="sklearn.ensemble:HistGradientBoostingClassifier",
        estimator_parameters={"max_iter": iterations, "learning_rate": 0.1},
    )
    baseline = resolver("latest-blessed-model", candidate=trainer.model).named("baseline")
    evaluator = Evaluator(
        model=trainer.model,
        baseline=baseline.model,
        examples=gen.examples,
        slices=["origin", "carrier", "month"],
        thresholds=THRESHOLDS,
    )
    infra = InfraValidator(model=trainer.model, endpoint="endpoint.yaml").named("infra")
    Registrar(
        model=trainer.model,
        evaluation=evaluator.evaluation,
        blessing=evaluator.blessing,
        infra_blessing=infra.infra_blessing,
        schema=schema.schema,
        name="flights",
        alias="candidate",
    )
    Pusher(model=trainer.model, blessing=evaluator.blessing, destination=destination)
