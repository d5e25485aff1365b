"""Whole runs of real project files: what an edit does to the cache, NaN through the real store, in-process runs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cmcore import Project
from cmcore.errors import DocumentError
from cmcore.events import EventKind
from cmcore.pipelines.load import load_pipeline
from cmcore.state.journal import Journal

pytestmark = pytest.mark.integration

MODULE = """
from cmcore import AllowNaN, InputArtifact, OutputArtifact, OutputDict, Parameter, component, pipeline
from cmcore.artifacts import Files, Float
from {helper} import text

@component
def write(files: OutputArtifact[Files], words: Parameter[str] = "a") -> OutputDict(auc=AllowNaN[float]):
    (files.path / "text").write_text(text(words))
    return {{"auc": float("nan")}}

@component
def read(files: InputArtifact[Files], auc: InputArtifact[Float]) -> OutputDict(length=int):
    assert auc.read() != auc.read()
    return {{"length": len((files.path / "text").read_text())}}

@pipeline
def {name}(words: str = "a"):
    written = write(words=words)
    read(files=written.files, auc=written.auc)
"""
HELPER = "def text(words):\n    return words\n"
RUN = """
import json, sys
from pathlib import Path
from cmcore import Project
from cmcore.pipelines.load import load_pipeline
from cmcore.stack import RunOptions
folder = Path(sys.argv[1])
with Project(folder, environment={}) as project:
    found = load_pipeline(str(folder / sys.argv[2]), [folder])
    options = RunOptions(in_process=sys.argv[3] == "in-process")
    result = project.run(found.pipeline, source=found.source, options=options)
print(json.dumps({name: [node.state, node.reason] for name, node in result.nodes.items()}))
"""
Run = Callable[..., dict[str, list[str]]]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], None]:
    """Writes a file of the project."""

    def written(name: str, text: str) -> None:
        (tmp_path / name).write_text(text)

    written("words.py", MODULE.format(name="words", helper="texts"))
    written("texts.py", HELPER)
    return written


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run in a process of its own, so that edited modules are imported afresh; states and reasons by node."""

    def ran(pipeline: str = "words.py", where: str = "workers") -> dict[str, list[str]]:
        command = [sys.executable, "-c", RUN, str(tmp_path), pipeline, where]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30)
        return json.loads(done.stdout.splitlines()[-1])

    return ran


def states(ran: dict[str, list[str]]) -> list[str]:
    return [state for state, _ in ran.values()]


def test_a_second_run_runs_nothing(write: Callable[[str, str], None], run: Run) -> None:
    run()
    assert states(run()) == ["CACHED", "CACHED"]


def test_an_edit_of_the_body_misses(write: Callable[[str, str], None], run: Run) -> None:
    run()
    write("words.py", MODULE.format(name="words", helper="texts").replace("text(words)", "text(words).upper()"))
    assert states(run())[0] == "COMPLETE"


def test_an_edit_of_a_comment_hits(write: Callable[[str, str], None], run: Run) -> None:
    run()
    write("words.py", "# a remark\n" + MODULE.format(name="words", helper="texts"))
    assert states(run()) == ["CACHED", "CACHED"]


def test_an_edit_of_an_imported_project_module_misses(write: Callable[[str, str], None], run: Run) -> None:
    run()
    write("texts.py", HELPER.replace("return words", "return words * 2"))
    assert states(run()) == ["COMPLETE", "COMPLETE"]


def test_an_edit_that_writes_the_same_bytes_misses_only_itself(write: Callable[[str, str], None], run: Run) -> None:
    write("other.py", MODULE.format(name="words", helper="texts").replace("def read", "def unread"))
    run()
    pipeline = MODULE.format(name="words", helper="texts")
    head, tail = pipeline.split("@component\ndef read")
    write("reading.py", head.split("@component")[0] + "@component\ndef read" + tail.split("@pipeline")[0])
    write("words.py", head + "from reading import read\n@pipeline" + tail.split("@pipeline")[1])
    run()
    write("words.py", head.replace("(text(words))", "(str(text(words)))") + "from reading import read\n@pipeline"
          + tail.split("@pipeline")[1])  # fmt: skip
    assert states(run()) == ["COMPLETE", "CACHED"]


def test_another_pipeline_with_the_same_component_and_inputs_hits(write: Callable[[str, str], None], run: Run) -> None:
    run()
    body = "@pipeline\ndef other():\n    written = write(words='a')\n    read(written.files, written.auc)\n"
    write("other.py", f"from cmcore import pipeline\nfrom words import read, write\n\n{body}")
    assert states(run("other.py:other")) == ["CACHED", "CACHED"]


def test_a_damaged_payload_is_a_miss_that_says_so(write: Callable[[str, str], None], run: Run, tmp_path: Path) -> None:
    run()
    (text,) = (tmp_path / ".cm" / "artifacts").glob("*/write/1/files/0/text")
    text.chmod(0o644)
    text.write_text("b")
    run()
    with Project(tmp_path, environment={}) as project:
        events = Journal(project.database).read()
    reasons = [event.data["reason"] for event in events if event.kind is EventKind.ATTEMPT_SUBMITTED]
    assert ("is damaged: " in reasons[-1], "'text' has sha256" in reasons[-1]) == (True, True)


def test_an_allowed_nan_is_in_the_record(write: Callable[[str, str], None], run: Run, tmp_path: Path) -> None:
    run()
    with Project(tmp_path, environment={}) as project:
        (artifact,) = project.lineage.latest("Float")
    assert repr(artifact.facts["value"]) == "nan"


def test_in_process_gives_what_workers_give(write: Callable[[str, str], None], run: Run) -> None:
    run(where="in-process")
    assert states(run()) == ["CACHED", "CACHED"]


def test_a_closure_runs_in_process_and_is_never_cached(tmp_path: Path, run: Run) -> None:
    (tmp_path / "closed.py").write_text(
        "from cmcore import component, pipeline\n\ndef make():\n    @component\n    def inner() -> None: ...\n"
        "    return inner\n\ninner = make()\n\n@pipeline\ndef closed():\n    inner()\n"
    )
    run("closed.py")
    assert run("closed.py") == {"inner": ["COMPLETE", ""]}


def test_a_pipeline_in_yaml_finds_the_project_s_modules(
    write: Callable[[str, str], None], tmp_path: Path, run: Run
) -> None:
    write("words.yaml", "kind: Pipeline\nname: words\nnodes:\n  write: {component: 'words:write'}\n")
    run()
    assert states(run("words.yaml")) == ["CACHED"]


def test_an_executor_that_cannot_be_imported_again_is_refused_in_yaml(tmp_path: Path) -> None:
    (tmp_path / "component_specs").mkdir()
    (tmp_path / "component_specs" / "gone.yaml").write_text(
        "kind: Component\nname: gone\nsummary: Is gone.\nexecutor: 'words_of_old:make.<locals>.inner'\n"
    )
    (tmp_path / "p.yaml").write_text("kind: Pipeline\nname: p\nnodes:\n  gone: {component: gone}\n")
    with Project(tmp_path, environment={}) as project, pytest.raises(DocumentError, match="not a code reference"):
        project.plan(load_pipeline(str(tmp_path / "p.yaml"), [tmp_path]).pipeline)
