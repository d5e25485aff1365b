"""Statements: SLSA provenance that its schema accepts, with everything that the lineage knows."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from google.protobuf import json_format
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
from in_toto_attestation.v1 import statement as in_toto
from pydantic import JsonValue

from cmcore.lineage.memory import MemoryLineage
from cmcore.provenance.signing.statements import (
    CARD_TYPE,
    PROVENANCE_TYPE,
    Made,
    card_statement,
    objection,
    provenance_statement,
    statement,
)
from cmcore.provenance.signing.version import made_of
from cmcore.registry.values import ModelVersion

FILES = {"a": "1" * 64, "b": "2" * 64}


def dug(document: JsonValue, *path: str) -> JsonValue:
    """The value at a path."""
    for name in path:
        assert isinstance(document, dict)
        document = document[name]
    return document


def dependencies(made: Made) -> list[JsonValue]:
    found = dug(provenance_statement(made), "predicate", "buildDefinition", "resolvedDependencies")
    assert isinstance(found, list)
    return found


def test_the_schema_of_in_toto_accepts_it(made: Made) -> None:
    found = json_format.ParseDict(provenance_statement(made), in_toto.Statement([], "", {}).pb)
    in_toto.Statement.copy_from_pb(found).validate()


def test_the_schema_of_slsa_accepts_its_predicate(made: Made) -> None:
    json_format.ParseDict(provenance_statement(made)["predicate"], provenance_pb2.Provenance())


def test_it_is_json_without_nan(made: Made) -> None:
    json.dumps(provenance_statement(made), allow_nan=False)


def test_its_subjects_are_the_files(made: Made) -> None:
    assert provenance_statement(made)["subject"] == [
        {"name": "a.onnx", "digest": {"sha256": "a" * 64}},
        {"name": "sub/b.txt", "digest": {"sha256": "b" * 64}},
    ]


def test_it_names_what_the_caller_chose(made: Made) -> None:
    assert dug(provenance_statement(made), "predicate", "buildDefinition", "externalParameters") == {
        "pipeline": "flights",
        "source": "pipeline.py",
        "parameters": {"epochs": 3, "rate": "nan"},
    }


def test_it_names_the_steps(made: Made) -> None:
    assert dug(provenance_statement(made), "predicate", "buildDefinition", "internalParameters", "steps") == {
        "train": {"component": "Train", "parameters": {"epochs": 3}, "execution": "r1/train/1"}
    }


@pytest.mark.parametrize(
    "expected",
    [
        {"uri": "s3://data/2026", "digest": {"cmcorePayloadV1": "da7a"}, "name": "Model"},
        {
            "name": "code",
            "digest": {"gitCommit": "c0ffee"},
            "annotations": {"dirty": True, "dirtyDigest": "sha256:d1"},
        },
        {"name": "code of train", "digest": {"cmcoreCodeV1": "c0de"}},
        {"name": "numpy", "uri": "pkg:pypi/numpy@2.4.6"},
    ],
)
def test_it_names_what_went_in(made: Made, expected: JsonValue) -> None:
    assert expected in dependencies(made)


def test_it_names_run_and_times(made: Made) -> None:
    found = dug(provenance_statement(made), "predicate", "runDetails", "metadata")
    assert found == {"invocationId": "r1", "startedOn": "1970-01-01T00:01:40Z", "finishedOn": "1970-01-01T00:01:40Z"}


def test_it_names_who_built_it_with_what(made: Made) -> None:
    found = dug(provenance_statement(made), "predicate", "runDetails", "builder")
    assert found == {"id": "https://cmcore.dev/driver@v1", "version": {"cmcore": "0.1.0"}}


def test_metrics_and_logs_are_byproducts(made: Made) -> None:
    found = dug(provenance_statement(made), "predicate", "runDetails", "byproducts")
    assert isinstance(found, list)
    assert [each["name"] for each in found if isinstance(each, dict)] == ["metrics", "log of r1/train/1"]


def test_a_version_from_elsewhere_says_only_what_it_is(version: ModelVersion) -> None:
    made = made_of(version, FILES, MemoryLineage(clock=lambda: 0.0), software="0.1.0")
    assert dug(provenance_statement(made), "predicate", "runDetails", "metadata") == {}


def test_equal_makings_give_equal_statements(made: Made) -> None:
    assert provenance_statement(made) == provenance_statement(replace(made, files=dict(reversed(made.files.items()))))


def test_a_card_is_said_of_the_files() -> None:
    found = card_statement(FILES, {"limitations": "none", "auc": float("inf")})
    assert (found["predicateType"], found["predicate"]) == (CARD_TYPE, {"limitations": "none", "auc": "inf"})


def test_a_statement_about_these_files_has_no_objection() -> None:
    assert objection(statement(FILES, CARD_TYPE, {}), FILES, CARD_TYPE) == ""


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"a": "1" * 64}, "'b'"),
        ({**FILES, "c": "3" * 64}, "'c'"),
        ({"a": "1" * 64, "b": "3" * 64}, "'b'"),
        ({"a": "1" * 64, "c": "2" * 64}, "'b', 'c'"),
    ],
)
def test_a_statement_about_other_files_names_them(files: dict[str, str], reason: str) -> None:
    found = objection(statement(FILES, CARD_TYPE, {}), files, CARD_TYPE)
    assert found == f"it is about other files: {reason}"


def test_a_subject_that_is_there_twice_is_an_objection() -> None:
    said = statement(FILES, CARD_TYPE, {})
    subject = said["subject"]
    assert isinstance(subject, list)
    said["subject"] = [*subject, subject[0]]
    assert objection(said, FILES, CARD_TYPE) == "it is about other files: a name is there twice"


@pytest.mark.parametrize(
    "said", [{}, statement(FILES, PROVENANCE_TYPE, {}), {"_type": "x", "predicateType": CARD_TYPE}]
)
def test_a_statement_of_another_kind_is_an_objection(said: dict[str, JsonValue]) -> None:
    assert "not a 'https://cmcore.dev/model-card/v1'" in objection(said, FILES, CARD_TYPE)
