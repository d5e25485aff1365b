"""What the registry reads of the standard components' artifacts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from cmcore import CodeRef, Context
from cmcore.artifacts import Blessing, Evaluation, Examples, Model, TransformGraph
from cmcore.registry.bump import bumped
from cmcore.registry.evidence import Readable, version_facts
from cmcore.registry.facts import Column, VersionFacts
from cmcore.registry.names import VersionNumber
from cmcore.registry.values import Bump, Level, ModelVersion
from cmcore_tabular.evaluation.evaluate import evaluator
from cmcore_tabular.training.train import trainer
from cmcore_tabular.transform.generate import transform

STUMP, FOREST = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"


def facts_of(chain: object, model: Model, evaluation: Evaluation | None = None) -> VersionFacts:
    """The facts of a model of the chain's data."""
    return version_facts(
        Readable.of(model),
        evaluation=Readable.of(evaluation) if evaluation else None,
        schema=Readable.of(chain.schema),  # type: ignore[attr-defined] # the session's chain
    )


@pytest.fixture(scope="module")
def facts(chain: object) -> VersionFacts:
    """The facts of the chain's own model."""
    return facts_of(chain, chain.model, chain.evaluation)  # type: ignore[attr-defined] # the session's chain


def version(facts: VersionFacts) -> ModelVersion:
    first = Bump(level=Level.FIRST, reason="")
    return ModelVersion(model="m", number=VersionNumber(1, 0, 0), facts=facts, bump=first, created_at=0.0, actor="ada")


def trained(chain: object, folder: Path, features: Mapping[str, object], **estimator_parameters: object) -> Model:
    """A model of the same data with other features or parameters."""
    for name in ("graph", "transformed", "model"):
        (folder / name).mkdir()
    graph, transformed = TransformGraph.at(folder / "graph"), Examples.at(folder / "transformed")
    transform(
        examples=chain.examples, schema=chain.schema, transform_graph=graph, transformed=transformed,  # type: ignore[attr-defined] # the session's chain
        features=features, label="label", train_split="train", derive=None, context=Context(),
    )  # fmt: skip
    model = Model.at(folder / "model")
    trainer(
        transformed=transformed, transform_graph=graph, examples=chain.examples, model=model,  # type: ignore[attr-defined] # likewise
        estimator=CodeRef("sklearn.ensemble:HistGradientBoostingClassifier"), estimator_parameters=estimator_parameters,
        train=None, train_split="train", eval_split="eval", seed=0, tolerance=1e-5, context=Context(),
    )  # fmt: skip
    return model


def evaluated(chain: object, folder: Path, model: Model, baseline: Model) -> Evaluation:
    """The evaluation of a model against another one."""
    for name in ("evaluation", "blessing"):
        (folder / name).mkdir()
    evaluation = Evaluation.at(folder / "evaluation")
    evaluator(
        model=model, examples=chain.examples, baseline=baseline, evaluation=evaluation,  # type: ignore[attr-defined] # the session's chain
        blessing=Blessing.at(folder / "blessing"), eval_split="eval", slices=[], max_slices=1, decision_threshold=0.5,
        thresholds={}, tolerance=1e-5, context=Context(),
    )  # fmt: skip
    return evaluation


AMOUNT = {"amount": {"kind": "numeric"}}
BOTH = {**AMOUNT, "age": {"kind": "numeric"}}


def test_the_interface_is_what_callers_send_and_get(facts: VersionFacts) -> None:
    interface = facts.interface
    assert (interface.inputs["age"], interface.inputs["amount"], interface.outputs, interface.target) == (
        Column(type="long"), Column(type="double", required=False), {"probability": Column(type="float")},
        {"label": Column(type="int", domain=("0", "1"))},
    )  # fmt: skip


def test_the_domain_of_a_text_is_the_schemas(facts: VersionFacts) -> None:
    assert facts.interface.inputs["city"].domain == ("Bonn", "Oslo", "Rome", "São Paulo")


def test_the_evaluation_says_of_every_metric_which_side_is_good(facts: VersionFacts) -> None:
    evaluation = facts.evaluation
    assert evaluation is not None
    assert evaluation.higher_is_better == {
        "auc": True, "accuracy": True, "precision": True, "recall": True,
        "log_loss": False, "brier": False, "calibration_error": False,
    }  # fmt: skip


def test_the_evaluation_has_metrics_and_differences_with_intervals_and_methods(facts: VersionFacts) -> None:
    evaluation = facts.evaluation
    assert evaluation is not None
    measures = [*evaluation.metrics.values(), *evaluation.differences.values()]
    assert [each for each in measures if None in (each.low, each.high) or not each.method] == []


def test_the_model_is_safe_to_load(facts: VersionFacts) -> None:
    assert (facts.scan["safe"], facts.flavors) == (True, ("onnx", "python_function", "sklearn"))


def test_the_blessing_is_read_from_its_properties(chain: object) -> None:
    model, blessing = Readable.of(chain.model), Readable.of(chain.blessing)  # type: ignore[attr-defined] # the session's chain
    assert version_facts(model, blessing=blessing).blessed is True


def test_a_feature_of_another_column_breaks_callers(chain: object, facts: VersionFacts, tmp_path: Path) -> None:
    model = trained(chain, tmp_path, {**AMOUNT, "id": {"kind": "numeric"}}, max_iter=2)
    bump = bumped(version(facts), facts_of(chain, model))
    assert (bump.level, bump.reason) == (Level.MAJOR, "callers of 1.0.0 would break: 'id' (long) must be sent now")


@pytest.fixture(scope="module")
def stump(chain: object, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A model that asks one question."""
    model = trained(chain, tmp_path_factory.mktemp("stump"), BOTH, max_iter=1, max_depth=1)
    return model.bound(model.payload, digest=STUMP)


@pytest.fixture(scope="module")
def forest(chain: object, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A model of the same columns that asks many."""
    model = trained(chain, tmp_path_factory.mktemp("forest"), BOTH, max_iter=30, min_samples_leaf=5)
    return model.bound(model.payload, digest=FOREST)


def test_a_model_that_asks_more_is_better_with_confidence(
    chain: object, stump: Model, forest: Model, tmp_path: Path
) -> None:
    facts = facts_of(chain, forest, evaluated(chain, tmp_path, forest, baseline=stump))
    assert bumped(version(facts_of(chain, stump)), facts).level is Level.MINOR


def test_a_model_that_asks_less_is_worse_with_confidence(
    chain: object, stump: Model, forest: Model, tmp_path: Path
) -> None:
    facts = facts_of(chain, stump, evaluated(chain, tmp_path, stump, baseline=forest))
    bump = bumped(version(facts_of(chain, forest)), facts)
    assert (bump.level, "worse with confidence" in bump.reason) == (Level.PIPELINE, True)


def test_an_evaluation_says_which_models_it_is_about(
    chain: object, stump: Model, forest: Model, tmp_path: Path
) -> None:
    evaluation = evaluated(chain, tmp_path, forest, baseline=stump)
    assert (evaluation.model, evaluation.baseline_model) == (FOREST, STUMP)
