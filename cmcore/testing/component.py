"""ComponentContract, the tests of every component for its author to inherit. What it computes is not tested here."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import JsonValue

from cmcore.address import Address
from cmcore.artifacts import Artifact
from cmcore.components.component import Component, Executor
from cmcore.components.signature import context_argument
from cmcore.components.spec import ComponentSpec
from cmcore.runtime.attempt import carry_out
from cmcore.runtime.inprocess import InProcessLauncher
from cmcore.runtime.job import Given, Job, Outcome, Storage
from cmcore.storage.store import PayloadStore


class ComponentContract:
    """What every component keeps to. A subclass gives `component`, and `inputs` and `parameters` that it runs on.

        class TestTrain(ComponentContract):
            @pytest.fixture
            def component(self) -> Component:
                return train

            @pytest.fixture
            def inputs(self, tmp_path: Path) -> Mapping[str, list[Artifact]]:
                return {"examples": [Examples.at(write_rows(tmp_path / "examples"), span=1)]}

    It is carried out twice, as a worker would, and must write the same bytes both times: what a cache may give back is
    what would have been computed. A component that cannot (it reads a clock, it trains on a GPU) says so by
    `deterministic = False`.
    """

    deterministic = True

    @pytest.fixture
    def component(self) -> Component:
        """The component."""
        raise NotImplementedError(f"{type(self).__name__} must have a fixture component")

    @pytest.fixture
    def inputs(self) -> Mapping[str, list[Artifact]]:
        """Artifacts to run on, by input."""
        return {}

    @pytest.fixture
    def parameters(self) -> Mapping[str, JsonValue]:
        """Parameters to run with; those with a default may be left out."""
        return {}

    @pytest.fixture
    def outcome(
        self,
        component: Component,
        inputs: Mapping[str, list[Artifact]],
        parameters: Mapping[str, JsonValue],
        tmp_path: Path,
    ) -> Outcome:
        """How an attempt at it ends."""
        return outcome_of(component, inputs, parameters, tmp_path, attempt=1)

    def test_its_spec_is_read_back_as_it_was_written(self, component: Component) -> None:
        text = component.spec.model_dump_json(exclude_defaults=True)
        assert ComponentSpec.model_validate_json(text).model_dump_json(exclude_defaults=True) == text

    def test_its_types_exist(self, component: Component) -> None:
        read = [declared.artifact_type for declared in component.spec.inputs.values()]
        written = [declared.artifact_type for declared in component.spec.outputs.values()]
        assert all(issubclass(found, Artifact) for found in (*read, *written))

    def test_its_executor_can_be_imported_by_another_process(self, component: Component) -> None:
        assert not component.in_process

    def test_its_executor_takes_what_its_spec_gives(self, component: Component) -> None:
        given = [*component.spec.arguments, *(key for key, it in component.spec.outputs.items() if not it.is_value)]
        assert refused_by(component, given) == ""

    def test_it_says_in_one_line_what_it_does(self, component: Component) -> None:
        assert component.spec.summary

    def test_it_ends_well_on_its_inputs(self, outcome: Outcome) -> None:
        assert outcome.failure is None

    def test_it_writes_every_output(self, component: Component, outcome: Outcome) -> None:
        assert set(outcome.outputs) == set(component.spec.outputs)

    def test_what_it_writes_is_the_same_every_time(
        self,
        component: Component,
        inputs: Mapping[str, list[Artifact]],
        parameters: Mapping[str, JsonValue],
        outcome: Outcome,
        tmp_path: Path,
    ) -> None:
        again = outcome_of(component, inputs, parameters, tmp_path, attempt=2)
        digests = {key: output.digest for key, output in outcome.outputs.items()}
        assert not self.deterministic or {key: output.digest for key, output in again.outputs.items()} == digests


def outcome_of(
    component: Component,
    inputs: Mapping[str, list[Artifact]],
    parameters: Mapping[str, JsonValue],
    folder: Path,
    *,
    attempt: int,
) -> Outcome:
    """How an attempt ends, carried out in this process as a worker would."""
    spec = component.spec
    address = Address(run="contract", node="component", attempt=attempt)
    storage = Storage(root=str(folder / "artifacts"), cache=str(folder / "cache"))
    defaults = {key: it.default for key, it in spec.parameters.items() if not it.required}
    job = Job(
        address=str(address),
        executor=spec.executor,
        spec=spec,
        inputs={key: [given(it, spec.inputs[key].type, storage) for it in found] for key, found in inputs.items()},
        parameters={**defaults, **parameters},
        storage=storage,
        work_dir=str(folder / "work" / str(attempt)),
    )
    return carry_out(job, InProcessLauncher(folder=folder))


def given(artifact: Artifact, declared: str, storage: Storage) -> Given:
    """An artifact over a local folder as an executor's process gets it."""
    digest = PayloadStore(storage.root).fingerprint(artifact.uri).digest
    return Given(
        type=declared,
        uri=artifact.uri,
        digest=digest,
        properties=artifact.model_dump(mode="json"),
        custom=artifact.custom_properties,
        imported=True,
    )


def refused_by(component: Component, given: list[str]) -> str:
    """Why an executor cannot be called with these arguments; empty if it can."""
    work = component.work
    if isinstance(work, type):
        return "" if issubclass(work, Executor) else f"{work.__qualname__} does not derive from Executor"
    try:
        wanted = [key for key in (context_argument(work),) if key]
        inspect.signature(work).bind(**dict.fromkeys([*given, *wanted]))
    except TypeError as error:
        return str(error)
    return ""
