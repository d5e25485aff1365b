from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import pytest
from pydantic import JsonValue

from cmcore.address import Address
from cmcore.artifacts import Artifact
from cmcore.errors import StorageError, UsageError
from cmcore.lineage.memory import MemoryLineage
from cmcore.lineage.record import ArtifactRecord, Edge, ExecutionState
from cmcore.registry.facts import Origin
from cmcore.registry.gather import Candidate, EvidenceArtifacts, candidate, found_evidence
from cmcore.storage.store import PayloadStore
from cmcore.testing.records import RUN, an_execution
from tests.unit.registry import folders

ORIGIN = Origin(run="r1")
NOTHING = EvidenceArtifacts()


@dataclass
class World:
    """A lineage and the payloads of its artifacts."""

    root: Path
    store: MemoryLineage
    payloads: PayloadStore

    def publish(
        self,
        node: str,
        made: dict[str, Artifact],
        inputs: Mapping[str, ArtifactRecord] = MappingProxyType({}),
        *,
        state: ExecutionState = ExecutionState.COMPLETE,
    ) -> dict[str, ArtifactRecord]:
        """Record an execution with sealed copies of what it made."""
        execution = f"r1/{node}/1"
        read = tuple(Edge(key=key, index=0, artifact=artifact) for key, artifact in inputs.items())
        wrote = tuple(
            Edge(key=key, index=0, artifact=self.sealed(execution, key, artifact)) for key, artifact in made.items()
        )
        done = replace(an_execution(execution), state=state, inputs=read, outputs=wrote)
        return {edge.key: edge.artifact for edge in self.store.commit(done).outputs}

    def sealed(self, execution: str, key: str, artifact: Artifact) -> ArtifactRecord:
        """A record of an artifact whose bytes are in the store."""
        output = self.payloads.output(Address.parse(execution), key)
        for file in artifact.path.iterdir():
            (output.path / file.name).write_bytes(file.read_bytes())
        properties: dict[str, JsonValue] = artifact.model_dump(mode="json")
        return ArtifactRecord(
            name=f"{execution}/{key}/0", type_name=artifact.type_name, uri=output.uri, digest=output.seal().digest,
            properties=properties,
        )  # fmt: skip

    def candidate(self, model: ArtifactRecord, named: EvidenceArtifacts = NOTHING) -> Candidate:
        """What can be registered of a model."""
        return candidate(model, store=self.store, payloads=self.payloads, origin=ORIGIN, named=named)


@pytest.fixture
def world(tmp_path: Path) -> World:
    store = MemoryLineage(clock=lambda: 0.0)
    store.open_run(RUN)
    return World(root=tmp_path, store=store, payloads=PayloadStore(str(tmp_path / "artifacts")))


@pytest.fixture
def schema(world: World) -> ArtifactRecord:
    return world.publish("schema", {"schema": folders.schema(world.root)})["schema"]


@pytest.fixture
def model(world: World, schema: ArtifactRecord) -> ArtifactRecord:
    graph = world.publish("transform", {"graph": folders.model(folder(world, "graph"))}, {"schema": schema})["graph"]
    return world.publish("train", {"model": folders.model(world.root)}, {"graph": graph})["model"]


def folder(world: World, name: str) -> Path:
    (world.root / name).mkdir()
    return world.root / name


def evaluated(
    world: World, node: str, model: ArtifactRecord, *, said: bool = True, blessed: bool = True, **others: ArtifactRecord
) -> dict[str, ArtifactRecord]:
    """An evaluation and a blessing of a model; `said` is whether their properties tell of which."""
    of, home = model.digest if said else "", folder(world, node)
    evaluation = folders.evaluation(home, {**folders.EVALUATION, "model": of})
    evaluation.model = of
    made = {"evaluation": evaluation, "blessing": folders.blessing(home, blessed=blessed, of=of)}
    return world.publish(node, made, {"model": model, **others})


def test_evaluation_and_blessing_are_found_and_the_schema_that_it_was_made_with(
    world: World, model: ArtifactRecord, schema: ArtifactRecord
) -> None:
    made = evaluated(world, "evaluate", model)
    assert found_evidence(world.store, model).names() == {
        "evaluation": made["evaluation"].name, "blessing": made["blessing"].name, "schema": schema.name,
    }  # fmt: skip


def test_the_newest_evaluation_counts(world: World, model: ArtifactRecord) -> None:
    evaluated(world, "first", model, blessed=False)
    second = evaluated(world, "second", model)
    found = found_evidence(world.store, model)
    assert (found.evaluation, found.blessing) == (second["evaluation"], second["blessing"])


@pytest.mark.parametrize("said", [True, False])
def test_an_evaluation_that_only_compared_with_the_model_is_not_its_own(
    world: World, model: ArtifactRecord, said: bool
) -> None:
    own = evaluated(world, "evaluate", model, said=said)
    changed = folders.model(folder(world, "later"), {**folders.MLMODEL, "flavors": {}})
    later = world.publish("retrain", {"model": changed})["model"]
    evaluated(world, "reevaluate", later, said=said, baseline=model)
    assert found_evidence(world.store, model).evaluation == own["evaluation"]


def test_failed_executions_say_nothing(world: World, model: ArtifactRecord) -> None:
    evaluation = folders.evaluation(world.root)
    world.publish("evaluate", {"evaluation": evaluation}, {"model": model}, state=ExecutionState.FAILED)
    assert found_evidence(world.store, model).evaluation is None


def test_a_model_that_nobody_judged_has_no_evidence(world: World) -> None:
    model = world.publish("train", {"model": folders.model(world.root)})["model"]
    assert found_evidence(world.store, model) == NOTHING


def test_a_candidate_has_all_facts_and_its_origin(world: World, model: ArtifactRecord) -> None:
    evaluated(world, "evaluate", model)
    facts = world.candidate(model).facts
    assert (facts.digest, facts.artifact, facts.blessed, facts.evaluation is not None, facts.origin) == (
        model.digest, model.name, True, True, ORIGIN,
    )  # fmt: skip


def test_a_candidate_is_named_after_its_pipeline(world: World, model: ArtifactRecord) -> None:
    assert world.candidate(model).name == "flights"


def test_a_model_of_no_pipeline_needs_a_name(world: World, model: ArtifactRecord) -> None:
    nameless = replace(world.candidate(model), pipeline="")
    with pytest.raises(UsageError, match="give it one: --as NAME"):
        assert nameless.name


def test_named_evidence_is_taken_instead_of_what_is_found(world: World, model: ArtifactRecord) -> None:
    first = evaluated(world, "first", model, blessed=False)
    evaluated(world, "second", model)
    found = world.candidate(model, EvidenceArtifacts(blessing=first["blessing"]))
    assert (found.facts.blessed, found.evidence.blessing) == (False, first["blessing"])


def test_what_is_no_model_is_refused(world: World, schema: ArtifactRecord) -> None:
    with pytest.raises(UsageError, match=r"r1/schema/1/schema/0 is of type Schema; a Model was asked for"):
        world.candidate(schema)


def test_evidence_of_another_type_is_refused(world: World, model: ArtifactRecord, schema: ArtifactRecord) -> None:
    with pytest.raises(UsageError, match="is of type Schema; a ModelEvaluation was asked for"):
        world.candidate(model, EvidenceArtifacts(evaluation=schema))


def test_a_model_whose_bytes_have_changed_is_refused(world: World, model: ArtifactRecord) -> None:
    file = world.payloads.input(model.uri, model.digest).path / "MLmodel"
    file.chmod(0o644)
    file.write_text("flavors: {}\n", encoding="utf-8")
    with pytest.raises(StorageError, match=r"r1/train/1/model/0 is not what was recorded"):
        world.candidate(model)


@pytest.mark.parametrize("part", ["evaluation", "blessing"])
@pytest.mark.parametrize("said", [True, False])
def test_named_evidence_about_another_model_is_refused(
    world: World, model: ArtifactRecord, said: bool, part: str
) -> None:
    changed = folders.model(folder(world, "later"), {**folders.MLMODEL, "flavors": {}})
    later = world.publish("retrain", {"model": changed})["model"]
    others = evaluated(world, "reevaluate", later, said=said, baseline=model)
    with pytest.raises(UsageError, match=rf"r1/reevaluate/1/{part}/0 is (about model|not known to be about this)"):
        world.candidate(model, EvidenceArtifacts(**{part: others[part]}))


def test_named_evidence_that_does_not_say_of_which_model_is_taken_where_the_lineage_does(
    world: World, model: ArtifactRecord
) -> None:
    own = evaluated(world, "evaluate", model, said=False, blessed=False)
    assert world.candidate(model, EvidenceArtifacts(blessing=own["blessing"])).facts.blessed is False


def test_facts_say_which_artifacts_spoke(world: World, model: ArtifactRecord) -> None:
    evaluated(world, "evaluate", model)
    found = world.candidate(model)
    assert found.facts.evidence == found.evidence.names()
