from __future__ import annotations

import typing
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Literal, Optional

import pytest
from pydantic import Field

from cmcore import (
    AllowNaN,
    CodeRef,
    Context,
    InputArtifact,
    OutputArtifact,
    OutputDict,
    Parameter,
    Secret,
    component,
)
from cmcore.artifacts import Examples, Float, Integer, Model
from cmcore.components.signature import spec_of
from cmcore.components.spec import ComponentSpec, checked_parameters
from cmcore.errors import UsageError
from tests.unit.components.project_types import (
    Color,
    Embeddings,
    ScoresClass,
    ScoresDict,
    ScoresModel,
    ScoresTuple,
    Training,
    Window,
)

if TYPE_CHECKING:
    from pathlib import PurePath

HOME = "tests.unit.components.project_types"
TRAINING, WINDOW = Training(), Window()


def everything(
    examples: InputArtifact[Examples],
    model: OutputArtifact[Model],
    context: Context,
    base: InputArtifact[Model] | None = None,
    epochs: Parameter[int] = 3,
) -> OutputDict(loss=float):
    """Trains a model.

    More words.
    """


class TestRoles:
    def test_each_argument_has_its_role(self) -> None:
        spec = spec_of(everything)
        assert (list(spec.inputs), list(spec.parameters), list(spec.outputs)) == (
            ["examples", "base"], ["epochs"], ["model", "loss"],
        )  # fmt: skip

    def test_the_name_is_the_function_s(self) -> None:
        assert spec_of(everything).name == "everything"

    def test_the_summary_is_the_first_line_of_the_docstring(self) -> None:
        assert spec_of(everything).summary == "Trains a model."

    def test_the_context_is_no_parameter(self) -> None:
        assert "context" not in spec_of(everything).arguments

    def test_a_plain_annotation_is_a_parameter(self) -> None:
        def plain(epochs: int) -> None: ...

        assert spec_of(plain).parameters["epochs"].type == "int"

    def test_a_list_input_takes_any_number(self) -> None:
        def merge(parts: InputArtifact[list[Examples]]) -> None: ...

        assert (spec_of(merge).inputs["parts"].list, spec_of(merge).inputs["parts"].type) == (True, "Examples")

    def test_a_type_of_one_s_own_is_written_as_its_import_path(self) -> None:
        def embed(embeddings: OutputArtifact[Embeddings]) -> None: ...

        assert spec_of(embed).outputs["embeddings"].type == f"{HOME}:Embeddings"

    def test_the_types_that_were_written_are_the_classes_themselves(self) -> None:
        def embed(embeddings: OutputArtifact[Embeddings]) -> None: ...

        assert spec_of(embed).outputs["embeddings"].artifact_type is Embeddings

    def test_a_spec_read_back_from_its_text_means_the_same_types(self) -> None:
        def embed(embeddings: OutputArtifact[Embeddings], training: Parameter[Training]) -> None: ...

        again = ComponentSpec.model_validate_json(spec_of(embed).model_dump_json(exclude_defaults=True))
        assert (again.outputs["embeddings"].artifact_type, again.parameters["training"].annotation) == (
            Embeddings, Training,
        )  # fmt: skip


class TestOptional:
    def test_an_optional_input_may_be_written_outside(self) -> None:
        def f(model: Optional[InputArtifact[Model]] = None) -> None: ...  # noqa: UP045 # the spelling is the claim

        assert spec_of(f).inputs["model"].optional

    def test_an_optional_input_may_be_written_inside(self) -> None:
        def f(model: InputArtifact[Model | None]) -> None: ...

        assert spec_of(f).inputs["model"].optional

    def test_an_input_is_not_optional_by_itself(self) -> None:
        assert not spec_of(everything).inputs["examples"].optional

    @pytest.mark.parametrize("value", [None, 3])
    def test_an_optional_parameter_takes_none_and_its_type(self, value: int | None) -> None:
        def inside(n: Parameter[int | None]) -> None: ...

        assert checked_parameters(spec_of(inside), {"n": value}) == {"n": value}

    @pytest.mark.parametrize("value", [None, 3])
    def test_an_optional_parameter_may_be_written_outside(self, value: int | None) -> None:
        def outside(n: Parameter[int] | None) -> None: ...

        assert checked_parameters(spec_of(outside), {"n": value}) == {"n": value}

    def test_none_as_default_needs_no_optional(self) -> None:
        def f(n: Parameter[int] = None) -> None: ...

        assert checked_parameters(spec_of(f), {}) == {"n": None}

    def test_an_optional_output_is_refused(self) -> None:
        def f(model: OutputArtifact[Model | None]) -> None: ...

        with pytest.raises(UsageError, match="output 'model' cannot be optional"):
            spec_of(f)


def colored(color: Parameter[Color] = Color.RED) -> None: ...
def worded(mode: Parameter[Literal["fast", "slow"]] = "fast") -> None: ...
def trained(training: Parameter[Training] = TRAINING) -> None: ...
def windowed(window: Parameter[Window] = WINDOW) -> None: ...
def bounded(n: Parameter[Annotated[int, Field(ge=1, lt=10)]] = 1) -> None: ...
def coded(code: Parameter[CodeRef]) -> None: ...
def secretive(token: Parameter[Secret[str]]) -> None: ...
def nested(many: Parameter[dict[str, list[Training | None]]]) -> None: ...
def paired(pair: Parameter[tuple[int, str]] = (1, "a")) -> None: ...


class TestParameters:
    @pytest.mark.parametrize(
        ("function", "given", "value"),
        [
            (colored, "blue", Color.BLUE), (worded, "slow", "slow"),
            (trained, {"rate": 0.5, "layers": {"sizes": [4]}}, Training(rate=0.5, layers={"sizes": [4]})),
            (windowed, {"first": 2}, Window(first=2)), (bounded, 9, 9),
            (coded, f"{HOME}:Training", CodeRef(f"{HOME}:Training")),
            (secretive, "${secret:a}", Secret("a")),
            (nested, {"a": [{"rate": 1.0}, None]}, {"a": [Training(rate=1), None]}),
            (paired, [2, "b"], (2, "b")),
        ],
    )  # fmt: skip
    def test_the_executor_gets_the_python_value_of_the_document_s(
        self, function: Callable[..., object], given: object, value: object
    ) -> None:
        (got,) = checked_parameters(spec_of(function), {next(iter(spec_of(function).parameters)): given}).values()
        assert got == value

    @pytest.mark.parametrize(
        ("function", "given"),
        [
            (colored, "red"), (worded, "slow"), (trained, {"rate": 0.5}), (windowed, {"first": 2}), (bounded, 9),
            (coded, "json:dumps"), (nested, {"a": [{"rate": 1.0}, None]}), (paired, [2, "b"]),
        ],
    )  # fmt: skip
    def test_the_written_spec_gives_the_same_value_as_the_function_s(
        self, function: Callable[..., object], given: object
    ) -> None:
        spec = spec_of(function)
        again = ComponentSpec.model_validate_json(spec.model_dump_json(exclude_defaults=True))
        values = {next(iter(spec.parameters)): given}
        assert checked_parameters(again, values) == checked_parameters(spec, values)

    @pytest.mark.parametrize(
        ("function", "given", "complaint"),
        [
            (colored, "green", "'red' or 'blue'"), (worded, "medium", "'fast' or 'slow'"),
            (trained, {"rate": -1.0}, "rate: input should be greater than 0, found -1.0"),
            (trained, {"layers": {"sizes": [0]}}, "layers.sizes.0: input should be greater than 0"),
            (trained, {"rate": "0.5"}, "rate: input should be a valid number, found '0.5'"),
            (bounded, 10, "less than 10, found 10"), (bounded, "3", "valid integer, found '3'"),
            (bounded, True, "valid integer, found True"), (paired, [1], "1: field required"),
        ],
    )  # fmt: skip
    def test_a_value_that_does_not_fit_is_refused_with_its_place_and_the_value(
        self, function: Callable[..., object], given: object, complaint: str
    ) -> None:
        spec = spec_of(function)
        with pytest.raises(UsageError, match=complaint):
            checked_parameters(spec, {next(iter(spec.parameters)): given})

    @pytest.mark.parametrize("function", [bounded, worded, trained])
    def test_what_is_refused_stays_refused_after_the_spec_was_written(self, function: Callable[..., object]) -> None:
        spec = ComponentSpec.model_validate_json(spec_of(function).model_dump_json(exclude_defaults=True))
        with pytest.raises(UsageError):
            checked_parameters(spec, {next(iter(spec.parameters)): "wrong"})

    @pytest.mark.parametrize(
        ("function", "default"),
        [
            (colored, "red"), (trained, {"rate": 0.1, "layers": {"sizes": [8]}}),
            (windowed, {"first": 1, "last": None}), (paired, [1, "a"]),
        ],
    )  # fmt: skip
    def test_defaults_are_kept_as_documents_write_them(self, function: Callable[..., object], default: object) -> None:
        (declared,) = spec_of(function).parameters.values()
        assert declared.default == default

    def test_bounds_stand_in_the_spec(self) -> None:
        declared = spec_of(bounded).parameters["n"]
        assert (declared.type, declared.ge, declared.lt) == ("int", 1, 10)

    def test_the_choices_of_a_literal_stand_in_the_spec(self) -> None:
        declared = spec_of(worded).parameters["mode"]
        assert (declared.type, declared.enum) == ("str", ["fast", "slow"])

    def test_a_missing_parameter_is_named_with_its_type(self) -> None:
        with pytest.raises(UsageError, match=r"coded needs parameter 'code' .CodeRef., which was not given"):
            checked_parameters(spec_of(coded), {})


class TestReturns:
    @pytest.mark.parametrize("returned", [ScoresDict, ScoresTuple, ScoresClass, ScoresModel])
    def test_every_structure_names_its_values(self, returned: type) -> None:
        def score(): ...

        score.__annotations__["return"] = returned
        outputs = spec_of(score).outputs
        assert {key: (it.type, it.allow_nan) for key, it in outputs.items()} == {
            "accuracy": ("float", False), "auc": ("float", True),
        }  # fmt: skip

    def test_an_output_dict_names_its_values(self) -> None:
        def score() -> OutputDict(n=int, auc=AllowNaN[float]): ...

        outputs = spec_of(score).outputs
        assert [(it.type, it.allow_nan) for it in outputs.values()] == [("int", False), ("float", True)]

    def test_a_typed_dict_of_the_standard_library_is_taken(self) -> None:
        class Scores(typing.TypedDict):
            n: int

        def score(): ...

        score.__annotations__["return"] = Scores
        assert list(spec_of(score).outputs) == ["n"]

    def test_a_value_may_be_an_author_s_own_type(self) -> None:
        def choose() -> OutputDict(color=Color, training=Training): ...

        again = ComponentSpec.model_validate_json(spec_of(choose).model_dump_json(exclude_defaults=True))
        assert [(it.is_value, it.annotation) for it in again.outputs.values()] == [(True, Color), (True, Training)]

    def test_values_are_held_by_value_artifacts(self) -> None:
        def score() -> OutputDict(n=int, x=float): ...

        assert [it.artifact_type for it in spec_of(score).outputs.values()] == [Integer, Float]

    def test_a_value_without_a_name_is_refused_with_what_to_write(self) -> None:
        def score() -> float: ...

        with pytest.raises(UsageError, match="to name its values return a TypedDict, NamedTuple, dataclass"):
            spec_of(score)

    def test_nothing_returned_is_no_output(self) -> None:
        def score() -> None: ...

        assert spec_of(score).outputs == {}


class TestMistakes:
    def test_an_argument_without_annotation_is_named_with_the_mend(self) -> None:
        def f(data) -> None: ...

        with pytest.raises(UsageError, match=r"argument 'data' has no annotation; write InputArtifact"):
            spec_of(f)

    def test_the_place_of_the_function_is_said(self) -> None:
        def f(data) -> None: ...

        with pytest.raises(UsageError, match=r"test_signature.py:\d+"):
            spec_of(f)

    def test_a_bare_artifact_type_asks_for_its_role(self) -> None:
        def f(model: Model) -> None: ...

        with pytest.raises(UsageError, match=r"write InputArtifact\[Model\] if it is read, OutputArtifact"):
            spec_of(f)

    def test_a_value_type_is_no_artifact(self) -> None:
        def f(n: InputArtifact[int]) -> None: ...

        with pytest.raises(UsageError, match=r"int is a value; write Integer .* or Parameter\[int\]"):
            spec_of(f)

    def test_any_other_type_is_no_artifact(self) -> None:
        def f(n: InputArtifact[complex]) -> None: ...

        with pytest.raises(UsageError, match=r"'n' is declared as an artifact but .*complex.* is not"):
            spec_of(f)

    def test_star_arguments_are_refused(self) -> None:
        def f(*parts: int) -> None: ...

        with pytest.raises(UsageError, match=r"\*parts has no name or type; declare each argument"):
            spec_of(f)

    def test_a_name_that_is_there_only_for_type_checkers_is_named(self) -> None:
        def f(path: Parameter[PurePath]) -> None: ...

        with pytest.raises(UsageError, match="names 'PurePath', which its module does not define at run time"):
            spec_of(f)

    def test_a_default_that_does_not_fit_is_refused(self) -> None:
        def f(n: Parameter[int] = "many") -> None: ...

        with pytest.raises(UsageError, match="default of 'n': input should be a valid integer"):
            spec_of(f)

    def test_a_key_that_is_used_twice_is_refused(self) -> None:
        def f(score: Parameter[int]) -> OutputDict(score=int): ...

        with pytest.raises(UsageError, match="'score' is declared twice among inputs, parameters"):
            spec_of(f)

    def test_keys_that_differ_only_in_case_are_refused(self) -> None:
        def f(Score: Parameter[int], score: Parameter[int]) -> None: ...  # noqa: N803 # the name is the claim

        with pytest.raises(UsageError, match="'score' is declared twice"):
            spec_of(f)


def test_options_of_the_decorator_stand_in_the_spec() -> None:
    @component(name="Push", effect="external", check="json:loads")
    def push(model: InputArtifact[Model]) -> None: ...

    assert (push.spec.name, push.spec.effect, push.spec.check) == ("Push", "external", "json:loads")
