from __future__ import annotations

from pathlib import Path

import pytest

from cmcore.components.library import component_at, read_spec
from cmcore.components.spec import ComponentSpec, ParameterSpec, checked_parameters
from cmcore.errors import DocumentError, UsageError

YAML = """\
kind: Component
name: train-model
summary: Trains.
inputs:
  examples: Examples
  base: {type: Model, optional: true}
  parts: {type: Files, list: true}
parameters:
  epochs: {type: int, default: 10, ge: 1, le: 100}
  mode: {type: str, enum: [fast, slow], default: fast}
  name: {type: str, pattern: "^[a-z]+$", min_length: 2, max_length: 5, default: ab}
  seed: {type: int | None, default: null}
  token: {type: "Secret[str]"}
outputs: {model: Model, loss: {type: float, allow_nan: true}}
effect: external
check: json:loads
resources: {cpu_cores: 4, memory_mib: 8192}
executor: tests.unit.components.project_types:ready
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "train-model.yaml"
    path.write_text(YAML)
    return path


@pytest.fixture
def spec(file: Path) -> ComponentSpec:
    return read_spec(file)


def test_the_short_form_says_what_the_long_one_says() -> None:
    short = ComponentSpec.model_validate({"name": "a", "inputs": {"x": "Model"}, "outputs": {"y": "Model"}})
    long = {"name": "a", "inputs": {"x": {"type": "Model"}}, "outputs": {"y": {"type": "Model"}}}
    assert short == ComponentSpec.model_validate(long)


def test_what_is_left_out_has_its_default(spec: ComponentSpec) -> None:
    assert (spec.inputs["examples"].optional, spec.resources.gpus) == (False, 0)


@pytest.mark.parametrize(
    ("key", "value"),
    [("epochs", 100), ("mode", "slow"), ("name", "abc"), ("seed", None), ("seed", 3), ("token", "${secret:x}")],
)
def test_a_value_within_its_bounds_is_taken(spec: ComponentSpec, key: str, value: object) -> None:
    assert spec.parameters[key].python(value) is not NotImplemented


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        ("epochs", 0, "greater than or equal to 1, found 0"), ("epochs", 101, "less than or equal to 100"),
        ("epochs", 1.5, "found 1.5"), ("epochs", "3", "found '3'"), ("mode", "medium", "'fast' or 'slow'"),
        ("name", "A", "at least 2 characters"), ("name", "abcdef", "at most 5 characters"),
        ("name", "a1", "match pattern"), ("seed", "x", "valid integer"), ("token", "hunter2", "match pattern"),
    ],
)  # fmt: skip
def test_a_value_out_of_bounds_is_refused(spec: ComponentSpec, key: str, value: object, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        checked_parameters(spec, {"token": "${secret:x}", key: value})


def test_without_a_default_a_parameter_is_required(spec: ComponentSpec) -> None:
    assert [key for key, declared in spec.parameters.items() if declared.required] == ["token"]


def test_null_as_default_makes_a_parameter_optional_also_after_writing(spec: ComponentSpec) -> None:
    again = ComponentSpec.model_validate_json(spec.model_dump_json(exclude_defaults=True))
    assert (again.parameters["seed"].required, again) == (False, spec)


@pytest.mark.parametrize("key", ["1st", "a-b", "a.b", "", "x" * 64])
def test_a_key_that_no_function_could_have_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="should match pattern"):
        ComponentSpec.model_validate({"name": "a", "parameters": {key: {"type": "int"}}})


def test_an_unknown_key_is_refused_with_its_place_and_a_guess(file: Path) -> None:
    file.write_text(YAML.replace("summary:", "sumary:"))
    with pytest.raises(DocumentError, match=r"train-model.yaml:3:1: .*sumary.*summary"):
        read_spec(file)


def test_an_unknown_effect_is_refused(file: Path) -> None:
    file.write_text(YAML.replace("effect: external", "effect: local"))
    with pytest.raises(DocumentError, match="'none' or 'external'"):
        read_spec(file)


class TestFindingComponents:
    def test_a_spec_file_is_found_by_its_name(self, file: Path) -> None:
        assert component_at("train-model", {"train-model": str(file)}).spec == read_spec(file)

    def test_the_work_is_imported_when_it_is_needed(self, file: Path) -> None:
        component = component_at("train-model", {"train-model": str(file)})
        assert (component.executor, callable(component.work)) == (None, True)

    def test_an_import_path_is_taken_too(self) -> None:
        assert component_at("tests.unit.components.project_types:ready", {}).name == "ready"

    def test_an_unknown_name_is_refused_with_the_one_that_was_meant(self, file: Path) -> None:
        with pytest.raises(UsageError, match="no component is named 'train-modle'; did you mean 'train-model'"):
            component_at("train-modle", {"train-model": str(file)})

    def test_what_is_no_component_is_refused_with_the_mend(self) -> None:
        with pytest.raises(UsageError, match="not a component; put @component above the function"):
            component_at("tests.unit.components.project_types:Training", {})


@pytest.mark.parametrize(
    ("declared", "value", "normal"),
    [
        ({"type": "tests.unit.components.project_types:Training"}, {}, {"rate": 0.1, "layers": {"sizes": [8]}}),
        ({"type": "float"}, 1, 1.0), ({"type": "int | None", "default": None}, None, None),
        ({"type": "json"}, {"b": [1, None]}, {"b": [1, None]}),
    ],
)  # fmt: skip
def test_equal_meanings_are_written_alike(declared: dict[str, object], value: object, normal: object) -> None:
    assert repr(ParameterSpec.model_validate(declared).normal(value)) == repr(normal)
