"""The account of a version: what it says, and in which order."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cmcore.components.code.environment import Environment
from cmcore.lineage.memory import MemoryLineage
from cmcore.lineage.record import ArtifactRecord, ExecutionState
from cmcore.provenance.origin import ancestry
from cmcore.provenance.why.document import explanation_document
from cmcore.provenance.why.explanation import (
    DataSource,
    Explanation,
    Records,
    Reproduction,
    Standing,
    in_order,
    promotions,
    training_of,
    uses_of,
)
from cmcore.provenance.why.gathering import infra_refusal, looked_at, reproductions
from cmcore.provenance.why.picture import picture
from cmcore.provenance.why.tree import lines, tree
from cmcore.registry.facts import EvaluationFacts, Measure, VersionFacts
from cmcore.registry.names import VersionNumber
from cmcore.registry.values import Approval, Bump, Finding, Level, Link, Model, ModelVersion, Move, Note, Verdict
from cmcore.testing.records import RUN, an_artifact, an_execution, publish

FIRST, SECOND = VersionNumber(1, 0, 0), VersionNumber(1, 1, 0)
NOW = Environment(python="3.11.9", implementation="cpython", platform="L", interpreter="c", packages=("a==2",))
THEN = Environment(python="3.11.9", implementation="cpython", platform="L", interpreter="c", packages=("a==1",))
FACTS = {
    "code_version": {"commit": "c0ffee" * 6, "branch": "main", "dirty": True},
    "environment": THEN.document(),
    "parameters": {"epochs": {"value": 3, "layer": "set"}},
    "argv": ["cm", "run", "flights.yaml"],
}
VERSION = ModelVersion(
    model="flights",
    number=SECOND,
    facts=VersionFacts(
        digest="sha256:r9/train/1/model/0",
        artifact="r9/train/1/model/0",
        evaluation=EvaluationFacts(
            metrics={"auc": Measure(value=0.94, low=0.93, high=0.95)},
            baseline="sha256:before",
            differences={"auc": Measure(value=0.01, low=0.005, high=0.015)},
        ),
        blessed=True,
    ),
    bump=Bump(
        level=Level.MINOR,
        reason="auc improved",
        over=FIRST,
        findings=(
            Finding(rule="auc", holds=True, found="better by 0.01"),
            Finding(rule="data", holds=False, found="new"),
        ),
    ),
    created_at=0.0,
    actor="ada",
    aliases=("production",),
)
PROMOTED = Move(
    alias="production", version=SECOND, from_version=FIRST, generation=2, at=9.0, actor="bob", reason="better"
)
RECORDS = Records(
    model=Model(name="flights", created_at=0.0, actor="ada"),
    version=VERSION,
    moves=(PROMOTED,),
    approvals=(
        Approval(
            model="flights", version=SECOND, environment="production", actor="eve", verdict=Verdict.APPROVED,
            reason="looked at it", at=8.0,
        ),
    ),
    notes=(Note(model="flights", version=SECOND, actor="ada", at=7.0, text="trained twice"),),
    links=(Link(rel="ticket", url="https://t.example/1"),),
)  # fmt: skip


@pytest.fixture
def lineage() -> MemoryLineage:
    store = MemoryLineage(clock=lambda: 0.0)
    store.open_run(replace(RUN, run="r9", facts=FACTS))
    return store


@pytest.fixture
def model(lineage: MemoryLineage) -> ArtifactRecord:
    """Trained on what was generated of imported data."""
    raw = publish(
        lineage, "r9/raw/1", output={"uri": "file:///data", "digest": "sha256:d", "facts": {"imported": True}}
    )
    examples = publish(lineage, "r9/gen/1", raw)
    return publish(lineage, "r9/train/1", examples, facts={"code": "sha256:code"}, parameters={"lr": 0.1})


@pytest.fixture
def found(lineage: MemoryLineage, model: ArtifactRecord) -> Explanation:
    past = ancestry(lineage, model)
    return Explanation(
        asked="flights@production",
        artifact=model,
        records=RECORDS,
        training=training_of(past, lineage.run("r9"), NOW),
        data=tuple(DataSource(artifact=each, standing=Standing.UNCHANGED) for each in past.data),
        reproductions=(Reproduction(at=5.0, verified=True, equal=2, ran=2),),
    )


@pytest.mark.parametrize(
    "line",
    [
        "flights@1.1.0  Model sha256:r9/train/1/m",
        "├── version 1.1.0: MINOR over 1.0.0: auc improved",
        "│   ├── ✔ auc: better by 0.01",
        "│   ├── ✘ data: new",
        "│   ├── aliases: production",
        "│   ├── registered by ada, 1970-01-01 00:00:00Z",
        "│   ├── ticket: https://t.example/1",
        "│   └── note of ada, 1970-01-01 00:00:07Z: trained twice",
        "│   └── approved for production by eve, 1970-01-01 00:00:08Z: looked at it",
        "│   └── production by bob, 1970-01-01 00:00:09Z: better (before: 1.0.0)",
        "│   ├── blessed: yes",
        "│   ├── auc 0.94 (0.93 to 0.95)",
        "│       └── auc +0.01 (0.005 to 0.015)",
        "├── training: flights, node train of run r9, by ada, 1970-01-01 00:00:00Z",
        "│   ├── code: commit c0ffeec0ffee on main, with uncommitted changes, which are kept with the run",
        "│   │   └── epochs = 3 (set)",
        "│   │   └── train (Train)",
        "│   │       ├── code sha256:code",
        "│   │       └── lr = 0.1",
        "│   ├── environment: cpython 3.11.9, 1 packages; 1 thing different today",
        "│   │   └── a: 1 then, 2 now",
        "│   ├── reproduced, 1970-01-01 00:00:05Z: 2 of 2 nodes equal",
        "│   └── command: cm run flights.yaml",
        "    └── file:///data sha256:d: unchanged today",
    ],
)
def test_the_tree_says(found: Explanation, line: str) -> None:
    assert line in lines(tree(found))


def test_it_is_told_top_down(found: Explanation) -> None:
    parts = [branch.text.partition(":")[0].split()[0] for branch in tree(found).below]
    assert parts == ["version", "approvals", "promotions", "evaluation", "training", "data"]


def test_a_number_that_was_overruled_says_what_was_computed(found: Explanation) -> None:
    overruled = replace(VERSION, number=VersionNumber(2, 0, 0), override="the label changed")
    told = lines(tree(replace(found, records=replace(RECORDS, version=overruled))))
    assert "├── version 2.0.0: MAJOR over 1.0.0: the label changed" in told
    assert "│   ├── MINOR was computed (auc improved), and overruled" in told


def test_a_version_that_was_replaced_says_by_which(found: Explanation) -> None:
    gone = Move(
        alias="production", version=FIRST, from_version=SECOND, generation=3, at=10.0, actor="eve", reason="bad"
    )
    told = lines(tree(replace(found, records=replace(RECORDS, moves=(gone,)))))
    assert "│   └── no longer production by eve, 1970-01-01 00:00:10Z: bad (since: 1.0.0)" in told


def test_a_model_from_outside_says_so(model: ArtifactRecord) -> None:
    told = lines(tree(Explanation(asked="it", artifact=model)))
    assert told[1:] == ["└── training: no recorded run made it; it came from outside"]


def test_a_payload_that_was_deleted_says_why(model: ArtifactRecord) -> None:
    gone = replace(model, deleted=True, facts={"deleted_reason": "cm gc"})
    assert "│   └── cm gc" in lines(tree(Explanation(asked="it", artifact=gone)))


def test_moves_of_other_versions_are_not_told() -> None:
    third = VersionNumber(1, 2, 0)
    other = Move(alias="staging", version=third, from_version=FIRST, generation=1, at=0.0, actor="ada", reason="")
    assert promotions([other, *RECORDS.moves], VERSION) == RECORDS.moves


def test_makers_come_before_readers(lineage: MemoryLineage, model: ArtifactRecord) -> None:
    assert [each.node for each in in_order(ancestry(lineage, model).executions)] == ["raw", "gen", "train"]


def test_what_was_served_from_the_cache_is_no_use_of_its_own(lineage: MemoryLineage, model: ArtifactRecord) -> None:
    publish(lineage, "r9/push/1", model)
    cached = an_execution("r9/push/2", state=ExecutionState.CACHED, facts={"cached_from": "r9/push/1"}, run="r9")
    used = [*lineage.consumers(model), cached]
    assert [(use.node, len(use.outputs)) for use in uses_of(used)] == [("push", 1)]


def test_the_document_is_json_and_cuts_nothing(found: Explanation) -> None:
    document = explanation_document(found)
    assert json.loads(json.dumps(document)) == document
    assert document["version"]["approvals"][0]["reason"] == "looked at it"  # type: ignore[index, call-overload]
    assert document["training"]["environment"]["packages"] == ["a==1"]  # type: ignore[index, call-overload]


@pytest.mark.parametrize(
    "line",
    [
        'data0[("file:///data sha256:d")]',
        "data0 --> step0",
        "step0 --> step1",
        "step1 --> model",
        'model -- "registered by ada" --> version',
        'version -- "bob, 1970-01-01 00:00:09Z" --> alias0',
    ],
)
def test_the_picture_draws(found: Explanation, line: str) -> None:
    assert f"    {line}" in picture(found).splitlines()


@pytest.fixture
def data(tmp_path: Path) -> Callable[[str], ArtifactRecord]:
    """Imported data that was read long after it was written."""

    def written(text: str) -> ArtifactRecord:
        file = tmp_path / "words.txt"
        file.write_text(text)
        facts = {"imported": True, "size": len(text)}
        return an_artifact("r9/raw/1/artifact/0", uri=file.as_uri(), facts=facts, created_at=file.stat().st_mtime + 60)

    return written


def test_data_of_the_same_size_not_written_since_is_unchanged(data: Callable[[str], ArtifactRecord]) -> None:
    assert looked_at(data("hello")).standing is Standing.UNCHANGED


def test_data_of_another_size_has_changed(data: Callable[[str], ArtifactRecord], tmp_path: Path) -> None:
    artifact = data("hello")
    (tmp_path / "words.txt").write_text("hello!")
    assert (looked_at(artifact).standing, looked_at(artifact).found) == (Standing.CHANGED, "5 bytes then, 6 now")


def test_data_that_was_written_since_has_changed(data: Callable[[str], ArtifactRecord]) -> None:
    artifact = data("hello")
    assert looked_at(replace(artifact, created_at=artifact.created_at - 3600)).found == "written since it was read"


def test_data_that_is_not_there_is_gone(data: Callable[[str], ArtifactRecord], tmp_path: Path) -> None:
    artifact = data("hello")
    (tmp_path / "words.txt").unlink()
    assert looked_at(artifact).standing is Standing.GONE


def test_data_elsewhere_is_not_looked_at(data: Callable[[str], ArtifactRecord]) -> None:
    assert looked_at(replace(data("hello"), uri="s3://bucket/data")).standing is Standing.UNKNOWN


def test_reports_of_reproductions_are_read_the_oldest_first(tmp_path: Path) -> None:
    for number, at in ((1, 9.0), (2, 5.0)):
        nodes = [{"verdict": "equal"}, {"verdict": "differs"}, {"verdict": "given"}]
        (tmp_path / f"r9-{number}.json").write_text(json.dumps({"at": at, "verified": False, "nodes": nodes}))
    assert [(each.at, each.equal, each.ran) for each in reproductions(tmp_path, "r9")] == [(5.0, 1, 2), (9.0, 1, 2)]


def test_a_report_that_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "r9-1.json").write_text("{")
    assert list(reproductions(tmp_path, "r9")) == []


NOT_BLESSED = VersionFacts(digest="sha256:m", infra_blessed=False)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"blessed": false, "reason": "load: asked for a model, found none"}', "load: asked for a model, found none"),
        ("[]", ""),
        ("{", ""),
    ],
)
def test_the_report_of_infra_validation_has_the_reason(
    content: str, told: str, lineage: MemoryLineage, tmp_path: Path
) -> None:
    (tmp_path / "infra_validation.json").write_text(content)
    name = publish(lineage, "r9/infra/1", output={"uri": tmp_path.as_uri()}).name
    facts = NOT_BLESSED.model_copy(update={"evidence": {"infra_blessing": name}})
    assert infra_refusal(facts, lineage) == told


def test_a_report_of_infra_validation_that_is_gone_has_no_reason(lineage: MemoryLineage, tmp_path: Path) -> None:
    name = publish(lineage, "r9/infra/1", output={"uri": (tmp_path / "gone").as_uri()}).name
    assert infra_refusal(NOT_BLESSED.model_copy(update={"evidence": {"infra_blessing": name}}), lineage) == ""


def test_a_version_that_infra_validation_did_not_bless_says_why(found: Explanation) -> None:
    version = replace(VERSION, facts=VERSION.facts.model_copy(update={"infra_blessed": False}))
    records = replace(RECORDS, version=version, infra_refusal="load: found none")
    told = lines(tree(replace(found, records=records)))
    assert "│   ├── blessed by infra validation: no: load: found none" in told
