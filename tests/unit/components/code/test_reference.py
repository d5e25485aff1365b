"""References to code: which objects have one, what they load, and how parameters carry them."""

from __future__ import annotations

import functools
import importlib.util
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from cmcore.components.code.importable import main_module_name
from cmcore.components.code.reference import CodeRef, code_refs_in
from cmcore.errors import UsageError

HERE = Path(__file__).parent
NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True)


@pytest.fixture
def code(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The module `referenced`, imported as a project's module is."""
    monkeypatch.syspath_prepend(str(HERE))
    yield importlib.import_module("referenced")
    sys.modules.pop("referenced")


@given(module=st.lists(NAMES, min_size=1, max_size=4), qualname=st.lists(NAMES, min_size=1, max_size=3))
def test_module_and_name_are_what_was_written(module: list[str], qualname: list[str]) -> None:
    reference = CodeRef(f"{'.'.join(module)}:{'.'.join(qualname)}")
    assert (reference.module, reference.qualname) == (".".join(module), ".".join(qualname))


@pytest.mark.parametrize("text", ["", "a", "a:", ":b", "a b:c", "a:b:c", "a..b:c", "1a:b", "a:b-c", "a:b\n"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"write it as 'package\.module:name'"):
        CodeRef(text)


@pytest.mark.parametrize("qualname", ["named", "Model", "Model.method", "Model.made", "remembered"])
def test_what_has_a_name_loads_as_itself(code: ModuleType, qualname: str) -> None:
    found = CodeRef(f"referenced:{qualname}").load()
    assert str(CodeRef.of(found)) == f"referenced:{qualname}"


def test_a_function_that_a_decorator_replaced_keeps_its_name(code: ModuleType) -> None:
    assert str(CodeRef.of(code.decorated.function)) == "referenced:decorated"


def test_a_builtin_has_a_reference() -> None:
    assert CodeRef.of(len).load() is len


def test_a_lambda_is_refused() -> None:
    with pytest.raises(UsageError, match=r"lambda.*top level of a module"):
        CodeRef.of(lambda: 1)


def test_a_closure_is_refused_and_says_where_it_lives(code: ModuleType) -> None:
    with pytest.raises(UsageError, match=r"'outer\.<locals>\.inner' lives inside 'outer'.*top level of a module"):
        CodeRef.of(code.outer())


def test_a_partial_is_refused(code: ModuleType) -> None:
    with pytest.raises(UsageError, match=r"functools\.partial.*make them parameters"):
        CodeRef.of(functools.partial(code.named))


def test_a_method_of_an_instance_is_refused(code: ModuleType) -> None:
    with pytest.raises(UsageError, match=r"'Model\.method' is bound to an instance"):
        CodeRef.of(code.Model().method)


def test_an_instance_is_refused(code: ModuleType) -> None:
    with pytest.raises(UsageError, match="an instance of Model"):
        CodeRef.of(code.Model())


def test_a_function_whose_name_was_taken_by_another_is_refused(code: ModuleType) -> None:
    with pytest.raises(UsageError, match="referenced:redefined is now another object"):
        CodeRef.of(code.first)


def test_a_class_that_its_module_does_not_hold_is_refused(code: ModuleType) -> None:
    made = type("Made", (), {"__module__": "referenced"})
    with pytest.raises(UsageError, match="module 'referenced' has no 'Made'"):
        CodeRef.of(made)


def test_a_misspelt_name_gets_a_suggestion(code: ModuleType) -> None:
    with pytest.raises(UsageError, match="has no 'nmaed'; did you mean 'named'"):
        CodeRef("referenced:nmaed").load()


def test_a_module_that_does_not_exist_is_named() -> None:
    with pytest.raises(UsageError, match="module 'no_such_module' cannot be imported: No module named"):
        CodeRef("no_such_module:x").load()


def program(file: Path | None, name: str | None = None) -> ModuleType:
    main = ModuleType("__main__")
    main.__spec__ = importlib.util.spec_from_loader(name, loader=None) if name else None
    main.__dict__.update({"__file__": str(file)} if file else {})
    return main


@pytest.mark.parametrize(
    ("script", "roots", "name"),
    [
        ("train.py", ["."], "train"),
        ("steps/train.py", ["."], "steps.train"),
        ("steps/train.py", [".", "steps"], "train"),
        ("train-model.py", ["."], "train-model"),
        ("pkg/__main__.py", ["."], "pkg.__main__"),
    ],
)
def test_a_script_is_named_by_its_path_below_the_nearest_root(
    tmp_path: Path, script: str, roots: list[str], name: str
) -> None:
    assert main_module_name(program(tmp_path / script), [str(tmp_path / root) for root in roots]) == name


@pytest.mark.parametrize("script", ["../train.py", "train.txt", "train.v2.py", "__main__.py"])
def test_a_script_that_no_root_imports_is_refused(tmp_path: Path, script: str) -> None:
    with pytest.raises(UsageError, match="cannot be imported from"):
        main_module_name(program(tmp_path / script), [str(tmp_path)])


def test_a_module_run_by_name_keeps_its_name() -> None:
    assert main_module_name(program(None, "pkg.train"), []) == "pkg.train"


def test_a_notebook_is_refused() -> None:
    with pytest.raises(UsageError, match="no file \\(a notebook"):
        main_module_name(program(None), [])


def test_a_scripts_function_gets_the_name_that_imports_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    main = program(tmp_path / "train.py")
    exec("def fit(): ...", main.__dict__)
    monkeypatch.setitem(sys.modules, "__main__", main)
    assert str(CodeRef.of(main.fit, roots=[tmp_path])) == "train:fit"


def test_the_running_script_is_not_imported_a_second_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    main = program(tmp_path / "running_script.py")
    exec("def fit(): ...", main.__dict__)
    monkeypatch.setitem(sys.modules, "__main__", main)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert CodeRef("running_script:fit").load() is main.fit


class Options(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    metric: CodeRef
    others: dict[str, list[CodeRef]] = {}


@dataclass(frozen=True)
class Plain:
    metric: CodeRef


def test_a_parameter_takes_the_text_in_strict_mode() -> None:
    assert Options.model_validate_json('{"metric": "a.b:c"}').metric == CodeRef("a.b:c")


def test_a_parameter_takes_the_function_in_python() -> None:
    assert TypeAdapter(CodeRef).validate_python(json.dumps) == CodeRef("json:dumps")


@pytest.mark.parametrize("value", ["a.b", 3, None, lambda: 1])
def test_a_parameter_takes_nothing_else(value: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(CodeRef).validate_python(value)


def test_a_parameter_is_written_as_text() -> None:
    assert Options(metric=CodeRef("a:b")).model_dump(mode="json") == {"metric": "a:b", "others": {}}


def test_the_schema_names_the_format() -> None:
    assert Options.model_json_schema()["properties"]["metric"]["format"] == "code-ref"


def test_references_are_found_however_deep_they_lie() -> None:
    options = Options(metric=CodeRef("a:one"), others={"x": [CodeRef("a:two"), CodeRef("a:one")]})
    value = {"list": [options], "plain": Plain(CodeRef("a:three")), "set": {CodeRef("a:four")}, "text": "a:five"}
    assert [reference.qualname for reference in code_refs_in(value)] == ["one", "two", "three", "four"]
