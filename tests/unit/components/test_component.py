from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from cmcore import (
    Component,
    ComponentSpec,
    Context,
    Executor,
    InputArtifact,
    InputSpec,
    OutputArtifact,
    OutputDict,
    OutputSpec,
    Parameter,
    ParameterSpec,
    Resources,
    Secret,
    component,
)
from cmcore.artifacts import Artifact, Files, Model
from cmcore.errors import UsageError
from tests.unit.components.project_types import Color, Training, ready

TRAINING = Training()


@component
def train(
    files: InputArtifact[Files], model: OutputArtifact[Model], training: Parameter[Training] = TRAINING, n: int = 1
) -> OutputDict(rate=float):
    """Trains."""
    (model.path / "weights").write_text(f"{len(list(files.path.iterdir()))} {n}")
    return {"rate": training.rate}


@component
def greet(color: Parameter[Color] = Color.RED, name: Parameter[str] = "you") -> OutputDict(text=str):
    return {"text": f"{color.name} {name}"}


@component
def tell(context: Context) -> OutputDict(key=str):
    context.metric("loss", 0.5)
    return {"key": context.idempotency_key}


@component
def login(token: Parameter[Secret[str]] = Secret("api")) -> OutputDict(length=int):  # noqa: B008 # frozen
    return {"length": len(token.reveal())}


@component
def measure(model: InputArtifact[Model] | None = None) -> OutputDict(there=bool):
    return {"there": model is not None}


class Count(Executor):
    """The work as a class."""

    def run(
        self, inputs: Mapping[str, object], outputs: Mapping[str, Artifact], parameters: Mapping[str, object],
        context: Context,
    ) -> object:  # fmt: skip
        del context
        (outputs["model"].path / "count").write_text(str(parameters["start"]))
        return {"size": len(list(inputs["files"].path.iterdir()))}


class CountTwice(Count):
    """Other work under the same contract."""

    def run(self, inputs: Mapping[str, object], *rest: object) -> object:
        return {"size": 2 * super().run(inputs, *rest)["size"]}


COUNT = ComponentSpec(
    name="Count",
    inputs={"files": InputSpec(type="Files")},
    parameters={"start": ParameterSpec(type="int", default=0, ge=0)},
    outputs={"model": OutputSpec(type="Model"), "size": OutputSpec(type="int")},
    resources=Resources(cpu_cores=2),
)
count = Component(spec=COUNT, executor=Count)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a").touch()
    return Files.at(tmp_path / "files")


@pytest.fixture
def model(tmp_path: Path) -> Model:
    return Model.at(tmp_path / "model")


class TestPlainCalls:
    def test_a_call_outside_a_pipeline_just_runs(self, files: Files, model: Model) -> None:
        assert train(files=files, model=model) == {"rate": 0.1}

    def test_what_was_written_is_there(self, files: Files, model: Model) -> None:
        train(files=files, model=model)
        assert (model.path / "weights").read_text() == "1 1"

    def test_positions_count_as_in_the_function(self, files: Files, model: Model) -> None:
        train(files, model, Training(rate=0.5), 7)
        assert (model.path / "weights").read_text() == "1 7"

    def test_a_parameter_may_be_given_as_documents_write_it(self, files: Files, model: Model) -> None:
        assert train(files, model, {"rate": 0.5}) == {"rate": 0.5}

    def test_a_default_is_the_python_value(self) -> None:
        assert greet() == {"text": "RED you"}

    def test_an_enum_may_be_given_by_value(self) -> None:
        assert greet("blue") == {"text": "BLUE you"}

    def test_the_context_of_a_plain_call_hears_and_has_no_name(self) -> None:
        assert tell() == {"key": ""}

    def test_a_context_may_be_given(self) -> None:
        context = Context(name="run/tell")
        assert (tell(context=context), context.metrics) == ({"key": "run/tell"}, {"loss": 0.5})

    def test_a_secret_may_be_given_with_its_value(self) -> None:
        assert login(token=Secret.of("four")) == {"length": 4}

    def test_a_secret_s_default_is_looked_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CM_SECRET_API", "seven77")
        assert login() == {"length": 7}

    def test_an_optional_input_may_be_left_out(self) -> None:
        assert measure() == {"there": False}


class TestMistakes:
    def test_a_missing_artifact_is_named_with_what_to_do(self, files: Files) -> None:
        with pytest.raises(UsageError, match=r"train needs 'model'.*Model.at\('some/folder'\).*@pipeline"):
            train(files=files)

    def test_an_unknown_argument_is_named_with_those_that_exist(self, files: Files) -> None:
        with pytest.raises(UsageError, match="train has no argument 'epochs'; it takes files, model, training, n"):
            train(files=files, epochs=3)

    def test_an_argument_given_twice_is_named(self, files: Files) -> None:
        with pytest.raises(UsageError, match="'files' is given twice, by position and by name"):
            train(files, files=files)

    def test_too_many_positions_are_counted(self) -> None:
        with pytest.raises(UsageError, match=r"greet takes 2 arguments \(color, name\), 3 were given"):
            greet("red", "a", "b")

    def test_a_value_that_does_not_fit_is_a_usage_error(self, files: Files, model: Model) -> None:
        with pytest.raises(UsageError, match=r"train: parameter 'training'.* rate: input should be greater than 0"):
            train(files, model, {"rate": 0})


class TestClassStyle:
    def test_a_spec_and_an_executor_make_a_component(self, files: Files, model: Model) -> None:
        assert count(files=files, model=model, start=3) == {"size": 1}

    def test_parameters_are_checked_by_the_spec(self, files: Files, model: Model) -> None:
        with pytest.raises(UsageError, match=r"'start'.*greater than or equal to 0, found -1"):
            count(files=files, model=model, start=-1)

    def test_a_spec_is_reused_with_another_executor(self, files: Files, model: Model) -> None:
        assert count.with_executor(CountTwice)(files=files, model=model) == {"size": 2}

    def test_another_executor_has_another_import_path(self) -> None:
        twice = count.with_executor(CountTwice)
        assert (count.spec.executor, twice.spec.executor) == (f"{__name__}:Count", f"{__name__}:CountTwice")

    def test_with_another_executor_the_contract_is_the_same(self) -> None:
        twice = count.with_executor(CountTwice)
        assert (twice.spec.inputs, twice.spec.outputs, twice.spec.resources) == (
            COUNT.inputs, COUNT.outputs, COUNT.resources,
        )  # fmt: skip

    def test_an_executor_without_run_says_so(self, files: Files, model: Model) -> None:
        with pytest.raises(UsageError, match="Idle is an Executor without a `run`"):
            count.with_executor(type("Idle", (Executor,), {}))(files=files, model=model)


class TestReferences:
    def test_a_component_is_named_by_the_module_that_holds_it(self) -> None:
        assert (train.named(), count.named()) == (f"{__name__}:train", f"{__name__}:count")

    def test_a_closure_cannot_be_imported_again(self) -> None:
        @component
        def inner() -> None: ...

        assert (inner.in_process, inner.named()) == (True, "")

    def test_a_function_of_a_module_can(self) -> None:
        assert not ready.in_process
