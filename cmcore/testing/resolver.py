"""ResolverContract, the tests of every resolver for its author to inherit. What one finds is its own affair."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from pydantic import JsonValue

from cmcore.components.spec import checked_parameters
from cmcore.lineage.memory import MemoryLineage
from cmcore.lineage.record import ArtifactRecord, Edge, ExecutionRecord, ExecutionState, RunRecord
from cmcore.lineage.store import LineageStore
from cmcore.pipelines.resolver import Found, Query, Resolver

PIPELINE = "contract"


def publish(
    lineage: LineageStore, type_name: str, *, run: str, digest: str, pipeline: str = PIPELINE, **properties: JsonValue
) -> ArtifactRecord:
    """Record a run that published one artifact."""
    lineage.open_run(RunRecord(run=run, pipeline=pipeline, project="tests"))
    artifact = ArtifactRecord(
        name=f"{run}/node/1/out/0", type_name=type_name, uri=f"memory://{run}", digest=digest, properties=properties
    )
    execution = ExecutionRecord(
        name=f"{run}/node/1", type_name="Node", state=ExecutionState.COMPLETE, project="tests", pipeline=pipeline,
        run=run, node="node", outputs=(Edge(key="out", index=0, artifact=artifact),),
    )  # fmt: skip
    return lineage.commit(execution).outputs[0].artifact


class ResolverContract:
    """What every resolver keeps to. A subclass gives the fixtures `resolver` and, where it needs some, `parameters`.

        class TestNewest(ResolverContract):
            @pytest.fixture
            def resolver(self) -> Resolver:
                return Newest()

    `filled` is a lineage in which it should find something; by default one run of examples, a model and its blessing.
    """

    @pytest.fixture
    def resolver(self) -> Resolver:
        """The resolver."""
        raise NotImplementedError(f"{type(self).__name__} must have a fixture resolver")

    @pytest.fixture
    def parameters(self) -> Mapping[str, JsonValue]:
        """Parameters that it takes; empty where all of them have defaults."""
        return {}

    @pytest.fixture
    def filled(self) -> LineageStore:
        """A lineage in which there is something to find."""
        lineage = MemoryLineage()
        publish(lineage, "Examples", run="run-1", digest="sha256:1", span=1)
        publish(lineage, "Model", run="run-2", digest="sha256:2")
        publish(lineage, "ModelBlessing", run="run-3", digest="sha256:3", blessed=True, current_model="sha256:2")
        return lineage

    def ask(self, resolver: Resolver, parameters: Mapping[str, JsonValue], lineage: LineageStore) -> Found:
        """What it finds, asked as the driver asks."""
        defaults = {key: it.default for key, it in resolver.spec(parameters).parameters.items() if not it.required}
        given = {**defaults, **parameters}
        return resolver.resolve(Query(parameters=given, inputs={}, lineage=lineage, pipeline=PIPELINE))

    def test_its_parameters_fit_its_own_spec(self, resolver: Resolver, parameters: Mapping[str, JsonValue]) -> None:
        spec = resolver.spec(parameters)
        assert set(checked_parameters(spec, dict(parameters))) == set(spec.parameters)

    def test_its_inputs_can_be_left_out(self, resolver: Resolver, parameters: Mapping[str, JsonValue]) -> None:
        assert [key for key, it in resolver.spec(parameters).inputs.items() if not it.optional] == []

    def test_its_types_exist(self, resolver: Resolver, parameters: Mapping[str, JsonValue]) -> None:
        assert all(output.artifact_type for output in resolver.spec(parameters).outputs.values())

    def test_its_spec_depends_on_nothing_but_its_parameters(
        self, resolver: Resolver, parameters: Mapping[str, JsonValue]
    ) -> None:
        assert resolver.spec(parameters) == resolver.spec(parameters)

    def test_it_finds_something_where_there_is_something(
        self, resolver: Resolver, parameters: Mapping[str, JsonValue], filled: LineageStore
    ) -> None:
        assert any(self.ask(resolver, parameters, filled).values())

    def test_it_finds_nothing_in_an_empty_lineage(
        self, resolver: Resolver, parameters: Mapping[str, JsonValue]
    ) -> None:
        assert not any(self.ask(resolver, parameters, MemoryLineage()).values())

    def test_what_it_finds_stands_under_the_outputs_of_its_spec(
        self, resolver: Resolver, parameters: Mapping[str, JsonValue], filled: LineageStore
    ) -> None:
        assert set(self.ask(resolver, parameters, filled)) <= set(resolver.spec(parameters).outputs)

    def test_what_it_finds_has_the_type_that_its_spec_says(
        self, resolver: Resolver, parameters: Mapping[str, JsonValue], filled: LineageStore
    ) -> None:
        outputs = resolver.spec(parameters).outputs
        found = self.ask(resolver, parameters, filled)
        assert {(key, it.type_name) for key, artifacts in found.items() for it in artifacts} <= {
            (key, output.artifact_type.type_name) for key, output in outputs.items()
        }

    def test_it_finds_only_what_is_recorded(
        self, resolver: Resolver, parameters: Mapping[str, JsonValue], filled: LineageStore
    ) -> None:
        found = self.ask(resolver, parameters, filled)
        assert all(filled.artifact(it.name) == it for artifacts in found.values() for it in artifacts)

    def test_asked_again_it_finds_the_same(
        self, resolver: Resolver, parameters: Mapping[str, JsonValue], filled: LineageStore
    ) -> None:
        assert self.ask(resolver, parameters, filled) == self.ask(resolver, parameters, filled)
