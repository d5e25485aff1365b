from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cmcore.errors import DocumentError, NotFoundError, UsageError
from cmcore.pipelines.load import load_pipeline

PYTHON = """
from cmcore import importer, pipeline
from cmcore.artifacts import Files

@pipeline
def first():
    importer(uri="a", type=Files)
"""
YAML = "kind: Pipeline\nname: first\nnodes:\n  importer: {importer: {uri: a}}\n"


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A project's folder; imports from it are forgotten afterwards."""
    path, modules = list(sys.path), set(sys.modules)
    yield tmp_path
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def written(root: Path, name: str, text: str) -> str:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)
    return str(root / name)


def test_python_and_yaml_give_the_same_document(root: Path) -> None:
    python = load_pipeline(written(root, "load_one.py", PYTHON), [root]).pipeline
    yaml = load_pipeline(written(root, "load_one.yaml", YAML), [root]).pipeline
    assert python.as_document() == yaml.as_document()


def test_the_source_is_the_file(root: Path) -> None:
    assert load_pipeline(written(root, "a.yaml", YAML), [root]).source == root / "a.yaml"


def test_a_pipeline_of_several_is_named(root: Path) -> None:
    target = written(root, "load_two.py", PYTHON + PYTHON.replace("first", "second").split("Files\n")[1])
    assert load_pipeline(f"{target}:second", [root]).pipeline.name == "second"


def test_without_a_name_several_are_listed(root: Path) -> None:
    target = written(root, "load_three.py", PYTHON + PYTHON.replace("first", "second").split("Files\n")[1])
    with pytest.raises(UsageError, match=r"makes 2 pipelines; name one: .*:first, .*:second"):
        load_pipeline(target, [root])


def test_a_name_that_is_not_there_is_refused_with_those_that_are(root: Path) -> None:
    with pytest.raises(UsageError, match="no pipeline 'third'; pipelines there: first"):
        load_pipeline(written(root, "load_four.py", PYTHON) + ":third", [root])


def test_a_module_is_found_by_its_import_path(root: Path) -> None:
    written(root, "load_package/five.py", PYTHON)
    assert load_pipeline("load_package.five:first", [root]).pipeline.name == "first"


def test_a_module_that_makes_no_pipeline_says_what_to_write(root: Path) -> None:
    with pytest.raises(UsageError, match="makes no pipeline; put @pipeline above the function"):
        load_pipeline(written(root, "load_six.py", "x = 1\n"), [root])


def test_a_syntax_error_has_its_place(root: Path) -> None:
    with pytest.raises(DocumentError, match=r"load_seven.py:2:5: "):
        load_pipeline(written(root, "load_seven.py", "x = 1\ny = (\n"), [root])


def test_after_a_syntax_error_was_mended_the_file_loads(root: Path) -> None:
    target = written(root, "load_eight.py", "(")
    with pytest.raises(DocumentError):
        load_pipeline(target, [root])
    written(root, "load_eight.py", PYTHON)
    assert load_pipeline(target, [root]).pipeline.name == "first"


def test_a_file_that_is_not_there_is_named_with_its_neighbours(root: Path) -> None:
    written(root, "b.yaml", YAML)
    with pytest.raises(NotFoundError, match=r"no file '.*a.yaml'; in '.*' there is b.yaml"):
        load_pipeline(str(root / "a.yaml"), [root])


def test_a_file_named_like_a_module_of_the_library_is_refused(root: Path) -> None:
    with pytest.raises(UsageError, match="give the file another name"):
        load_pipeline(written(root, "random.py", PYTHON), [root])


def test_a_problem_of_a_document_has_its_place(root: Path) -> None:
    with pytest.raises(DocumentError, match=r"a.yaml:4:14: "):
        load_pipeline(written(root, "a.yaml", YAML.replace("{importer:", "{imports:")), [root])


MISTAKES = {
    "attribute": (
        "import steps_of_mine as comps\ncomps.trian()\n",
        r":2: AttributeError: module 'steps_of_mine' has no attribute 'trian' \(did you mean 'train'\?\)",
    ),
    "import": (
        "from cmcore import pipelin\n",
        r":1: ImportError: cannot import name 'pipelin' from 'cmcore'.*\(did you mean 'pipeline'\?\)",
    ),
    "module": ("import nothere_xyz\n", r":1: ModuleNotFoundError: No module named 'nothere_xyz'"),
    "name": ("epochs = 3\nprint(epoch)\n", r":2: NameError: name 'epoch' is not defined \(did you mean 'epochs'\?\)"),
    "type": ("x = 1\nlen(x)\n", r":2: TypeError: object of type 'int' has no len\(\)"),
    "below": ("import steps_of_mine\nsteps_of_mine.broken()\n", r"steps_of_mine.py:4: ValueError: oh"),
}
STEPS = "def train():\n    pass\ndef broken():\n    raise ValueError('oh')\n"


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_the_users_own_file_is_a_problem_at_its_line(mistake: str, root: Path) -> None:
    text, message = MISTAKES[mistake]
    written(root, "steps_of_mine.py", STEPS)
    with pytest.raises(DocumentError, match=message):
        load_pipeline(written(root, f"mistake_{mistake}.py", text), [root])


def test_a_mistake_in_a_module_named_by_its_import_path_is_no_missing_module(root: Path) -> None:
    written(root, "mistake_package/nine.py", "import nothere_xyz\n")
    with pytest.raises(DocumentError, match=r"nine.py:1: ModuleNotFoundError: No module named 'nothere_xyz'"):
        load_pipeline("mistake_package.nine:first", [root])


def test_a_module_that_is_not_there_is_not_found(root: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no file and no module 'nothere_package\.xyz'"):
        load_pipeline("nothere_package.xyz", [root])


@pytest.mark.parametrize("line", ["epochs + 1", "1 - epochs", "epochs > 2", "-epochs", "int(epochs)", "len(epochs)"])
def test_a_parameter_that_is_computed_with_is_refused_at_its_line(line: str, root: Path) -> None:
    text = f"from cmcore import pipeline\n\n@pipeline\ndef p(epochs: int = 1):\n    {line}\n"
    with pytest.raises(
        DocumentError, match=r"mistake_ten.py:5: \$\{params.epochs\} has no value while the pipeline is"
    ):
        load_pipeline(written(root, "mistake_ten.py", text), [root])


def test_a_condition_on_a_parameter_is_refused_at_its_line(root: Path) -> None:
    text = "from cmcore import pipeline\n\n@pipeline\ndef p(epochs: int = 1):\n    if epochs > 2:\n        pass\n"
    with pytest.raises(DocumentError, match=r"mistake_eleven.py:5: "):
        load_pipeline(written(root, "mistake_eleven.py", text), [root])


def test_an_argument_that_is_misspelt_is_told_at_its_line(root: Path) -> None:
    text = "from cmcore import importer, pipeline\n\n@pipeline\ndef p():\n    make(rosw=1)\n"
    made = "from cmcore import component, OutputDict\n@component\ndef make(rows: int = 1) -> OutputDict(n=int): ...\n"
    written(root, "parts_of_mine.py", made)
    with pytest.raises(DocumentError, match=r"mistake_twelve.py:6: .*has no argument 'rosw'"):
        load_pipeline(written(root, "mistake_twelve.py", f"from parts_of_mine import make\n{text}"), [root])
