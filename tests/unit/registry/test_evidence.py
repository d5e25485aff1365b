from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from cmcore.artifacts import Evaluation, InfraBlessing, Model, Schema
from cmcore.errors import DocumentError, RefusedError, UsageError
from cmcore.registry.contract import EVALUATION_BYTES
from cmcore.registry.evidence import Readable, allowed_by, version_facts
from cmcore.registry.facts import Column, Interface, Measure, VersionFacts
from tests.unit.registry import folders
from tests.unit.registry.folders import BASELINE, EVALUATION, MLMODEL, MODEL


def facts_of(model: Model, evaluation: Evaluation | None = None, schema: Schema | None = None) -> VersionFacts:
    return version_facts(
        Readable.of(model),
        evaluation=Readable.of(evaluation) if evaluation else None,
        schema=Readable.of(schema) if schema else None,
    )


def signed(folder: Path, *inputs: object) -> Interface:
    document = {**MLMODEL, "signature": {"inputs": json.dumps(inputs), "outputs": None}}
    return facts_of(folders.model(folder, document)).interface


def test_the_interface_is_the_signature_with_what_the_schema_demands(tmp_path: Path) -> None:
    facts = facts_of(folders.model(tmp_path), schema=folders.schema(tmp_path))
    assert facts.interface == Interface(
        inputs={
            "city": Column(type="string", domain=("Bonn", "Oslo")),
            "wind": Column(type="double", required=False),
        },
        outputs={"probability": Column(type="float")},
        target={"late": Column(type="int", domain=("0", "1"))},
        schema_digest="sha256:5c",
    )


def test_without_a_schema_domains_and_the_type_of_the_target_are_not_known(tmp_path: Path) -> None:
    interface = facts_of(folders.model(tmp_path)).interface
    assert (interface.inputs["city"], interface.target, interface.schema_digest) == (
        Column(type="string"), {"late": Column(type="", domain=("0", "1"))}, "",
    )  # fmt: skip


def test_without_classes_of_its_own_the_target_has_the_domain_of_the_schema(tmp_path: Path) -> None:
    model = folders.model(tmp_path, {**MLMODEL, "metadata": {"cmcore": {"label": "late"}}})
    assert facts_of(model, schema=folders.schema(tmp_path)).interface.target["late"].domain == ("0", "1")


def test_a_model_says_what_it_is(tmp_path: Path) -> None:
    facts = facts_of(folders.model(tmp_path))
    size = (tmp_path / "model" / "MLmodel").stat().st_size
    assert (facts.digest, facts.artifact, facts.type_name, facts.flavors, facts.size_bytes) == (
        MODEL, "r1/model/1/model/0", "Model", ("onnx", "sklearn"), size,
    )  # fmt: skip


def test_a_model_without_a_description_has_no_known_interface(tmp_path: Path) -> None:
    model = folders.model(tmp_path)
    (model.path / "MLmodel").unlink()
    facts = facts_of(model)
    assert (facts.interface, facts.flavors) == (Interface(), ())


def test_a_model_without_a_signature_has_no_known_inputs(tmp_path: Path) -> None:
    assert facts_of(folders.model(tmp_path, {"flavors": {}, "signature": None})).interface == Interface()


def test_structured_types_are_told_in_full(tmp_path: Path) -> None:
    tensor = {"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 28]}}
    array = {"name": "tags", "type": "array", "items": {"type": "string"}, "required": True}
    assert {name: column.type for name, column in signed(tmp_path, tensor, array).inputs.items()} == {
        "0": 'tensor {"tensor-spec":{"dtype":"float64","shape":[-1,28]}}',
        "tags": 'array {"items":{"type":"string"}}',
    }


@pytest.mark.parametrize(("said", "required"), [({}, True), ({"required": False}, False), ({"optional": True}, False)])
def test_a_column_is_required_unless_the_signature_says_otherwise(
    tmp_path: Path, said: dict[str, bool], required: bool
) -> None:
    assert signed(tmp_path, {"name": "x", "type": "long", **said}).inputs["x"].required is required


def test_an_evaluation_gives_metrics_and_differences_that_have_a_value(tmp_path: Path) -> None:
    found = facts_of(folders.model(tmp_path), folders.evaluation(tmp_path)).evaluation
    assert found is not None
    assert (found.metrics, found.baseline, found.differences, found.rows, found.higher_is_better) == (
        {"auc": Measure(value=0.9, low=0.88, high=0.92, method="DeLong")}, BASELINE,
        {"auc": Measure(value=0.01, low=0.005, high=0.015)}, 100, {"auc": True},
    )  # fmt: skip


def test_an_evaluation_may_have_compared_nothing(tmp_path: Path) -> None:
    found = facts_of(folders.model(tmp_path), folders.evaluation(tmp_path, {**EVALUATION, "comparison": None}))
    assert found.evaluation is not None
    assert (found.evaluation.baseline, found.evaluation.differences) == ("", {})


def test_numbers_that_are_not_finite_are_not_known(tmp_path: Path) -> None:
    metrics = {"auc": {"value": math.nan}, "loss": {"value": 0.1, "low": -math.inf, "high": math.inf}}
    found = facts_of(folders.model(tmp_path), folders.evaluation(tmp_path, {"overall": {"metrics": metrics}}))
    assert found.evaluation is not None
    assert found.evaluation.metrics == {"loss": Measure(value=0.1)}


def test_facts_survive_json(tmp_path: Path) -> None:
    facts = facts_of(folders.model(tmp_path), folders.evaluation(tmp_path), folders.schema(tmp_path))
    assert VersionFacts.model_validate(json.loads(json.dumps(facts.model_dump(mode="json")))) == facts


@pytest.mark.parametrize("blessed", [True, False])
def test_a_blessing_is_what_its_property_says(tmp_path: Path, blessed: bool) -> None:
    said = Readable.of(folders.blessing(tmp_path, blessed=blessed))
    assert version_facts(Readable.of(folders.model(tmp_path)), blessing=said).blessed is blessed


def test_an_infra_blessing_is_what_its_property_says(tmp_path: Path) -> None:
    said = Readable.of(InfraBlessing.at(tmp_path, blessed=True, model=MODEL))
    assert version_facts(Readable.of(folders.model(tmp_path)), infra_blessing=said).infra_blessed is True


def test_no_blessing_is_no_verdict(tmp_path: Path) -> None:
    facts = facts_of(folders.model(tmp_path))
    assert (facts.blessed, facts.infra_blessed, facts.evaluation) == (None, None, None)


def test_a_blessing_of_another_model_is_refused(tmp_path: Path) -> None:
    other = Readable.of(folders.blessing(tmp_path, of=BASELINE))
    with pytest.raises(UsageError, match=f"the Blessing r1/blessing/1/blessing/0 is about model {BASELINE}, but"):
        version_facts(Readable.of(folders.model(tmp_path)), blessing=other)


def test_an_evaluation_of_another_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the Evaluation r1/evaluation/1/evaluation/0 is about model"):
        facts_of(folders.model(tmp_path, digest=BASELINE), folders.evaluation(tmp_path))


def test_outside_a_run_nobody_knows_which_model_was_evaluated(tmp_path: Path) -> None:
    assert facts_of(folders.model(tmp_path, digest=""), folders.evaluation(tmp_path)).evaluation is not None


def test_a_model_that_runs_code_when_loaded_is_refused(tmp_path: Path) -> None:
    model = folders.model(tmp_path)
    (model.path / "model.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(RefusedError, match=r"r1/model/1/model/0 is not registered: it holds a file") as refused:
        facts_of(model)
    assert [reason.partition(":")[0] for reason in refused.value.reasons] == ["model.pkl"]


class Pickled(Model, allows=("pickle",)):
    """A model of ours that is a pickle, and says so."""


PICKLE = b"\x80\x04\x95\x0f\x00\x00\x00\x00\x00\x00\x00}\x94\x8c\x05limit\x94K\x05s."


def pickled(folder: Path, kind: type[Model]) -> Readable:
    (folder / "model.pkl").write_bytes(PICKLE)
    return Readable.of(kind.at(folder))


def test_a_pickle_is_refused_even_if_it_only_holds_data(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="publish it as an artifact type that allows pickle"):
        version_facts(pickled(tmp_path, Model))


def test_a_type_may_allow_pickles(tmp_path: Path) -> None:
    facts = version_facts(pickled(tmp_path, Pickled))
    assert (facts.scan["allowed"], facts.type_name) == (["pickle"], f"{__name__}:Pickled")


def test_what_a_type_allows_is_known_by_its_reference() -> None:
    assert (allowed_by(f"{__name__}:Pickled"), allowed_by("Model"), allowed_by("gone:Type")) == (("pickle",), (), ())


def test_what_the_scan_found_is_among_the_facts(tmp_path: Path) -> None:
    assert facts_of(folders.model(tmp_path)).scan["safe"] is True


def complaints(raised: pytest.ExceptionInfo[DocumentError]) -> list[tuple[str, str]]:
    return [(problem.path, problem.message) for problem in raised.value.problems]


@pytest.mark.parametrize("missing", ["evaluation.json", "schema.yaml"])
def test_evidence_without_its_file_is_refused(tmp_path: Path, missing: str) -> None:
    model, evaluation, schema = folders.model(tmp_path), folders.evaluation(tmp_path), folders.schema(tmp_path)
    for path in (evaluation.path / missing, schema.path / missing):
        path.unlink(missing_ok=True)
    with pytest.raises(DocumentError, match=f"{missing}: there is no such file"):
        facts_of(model, evaluation, schema)


def test_an_evaluation_in_another_form_says_where_it_is_wrong(tmp_path: Path) -> None:
    document = {"overall": {"metrics": {"auc": {"value": "0.9"}}, "rows": 1.5}, "comparison": []}
    with pytest.raises(DocumentError) as raised:
        facts_of(folders.model(tmp_path), folders.evaluation(tmp_path, document))
    assert complaints(raised) == [
        ("$.overall.metrics.auc.value", "input should be a valid number"),
        ("$.overall.rows", "input should be a valid integer"),
        ("$.comparison", "input should be an object"),
    ]


@pytest.mark.parametrize("text", ["", "{", "[]", "nan", "[" * 100_000, '{"overall": ' * 5000, '{"overall": {}}'])
def test_what_is_no_evaluation_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(DocumentError, match=r"evaluation\.json"):
        facts_of(folders.model(tmp_path), folders.evaluation(tmp_path, text))


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"signature": {"inputs": "[{]"}}, r"expecting property name.*\$\.signature\.inputs"),
        ({"signature": {"inputs": "[1]"}}, "input should be a valid dictionary"),
        ({"signature": {"inputs": '[{"name": "x"}]'}}, r"field required @ \$\.signature\.inputs\.0\.type"),
        ({"signature": {"inputs": "[" * 100_000}}, "deep"),
        ({"metadata": {"cmcore": {"label": ["late"]}}}, "input should be a valid string"),
    ],
)
def test_a_description_of_a_model_in_another_form_says_where_it_is_wrong(
    tmp_path: Path, document: dict[str, object], message: str
) -> None:
    with pytest.raises(DocumentError, match=f"MLmodel: .*{message}"):
        facts_of(folders.model(tmp_path, document))


def test_an_evaluation_has_a_size_that_it_does_not_pass(tmp_path: Path) -> None:
    evaluation = folders.evaluation(tmp_path, " " * (EVALUATION_BYTES + 1))
    with pytest.raises(DocumentError, match=f"evaluation.json: larger than {EVALUATION_BYTES:,} bytes"):
        facts_of(folders.model(tmp_path), evaluation)
