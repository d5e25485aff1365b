"""5,000 documents that are wrong, each in its own way: every one is refused, clearly, where it is wrong, and soon."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile

import pytest
import yaml

from cmcore import Project
from cmcore.cli.documents import problems_in
from cmcore.errors import Problem
from tests.integration.cli.conftest import PROJECT, Shell
from tests.integration.cli.spoiled import SPOILS, VALID, spoiled
from tests.unit.document.malformed import malformed, misfits

pytestmark = pytest.mark.integration
CORPUS = Path(__file__).parents[2] / "unit" / "document" / "corpus"
GENERATED = [*malformed(2700), *misfits(300), *spoiled(2000)]
FLAT_LIST = f"[{'1, ' * 400_000}]"  # 1.2 MB
CALLED_AT_ONCE = 150


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """What was said of one document, and how long that took."""

    file: Path
    problems: tuple[Problem, ...]
    cpu_s: float


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with all the documents."""
    folder = tmp_path_factory.mktemp("malformed")
    copyfile(PROJECT / "greet.py", folder / "greet.py")
    for number, (name, content) in enumerate(GENERATED):
        (folder / f"{number:05}-{name}.yaml").write_bytes(content)
    for file in CORPUS.iterdir():
        copyfile(file, folder / f"corpus-{file.name}")
    return folder


@pytest.fixture(scope="module")
def refusals(folder: Path) -> list[Refusal]:
    """What is said of each."""
    found = []
    with Project(folder, environment={}) as project:
        for file in sorted(folder.glob("*.yaml")):
            started = time.process_time()
            problems = problems_in(project, file)
            found.append(Refusal(file=file, problems=problems, cpu_s=time.process_time() - started))
    return found


def test_there_are_five_thousand(refusals: list[Refusal]) -> None:
    assert len(refusals) > 5000


def test_each_is_refused(refusals: list[Refusal]) -> None:
    assert [it.file.name for it in refusals if not it.problems] == []


def test_each_is_refused_at_a_line_and_a_column(refusals: list[Refusal]) -> None:
    assert [it.file.name for it in refusals if not all(each.line and each.column for each in it.problems)] == []


def test_each_is_refused_in_one_short_message_per_problem(refusals: list[Refusal]) -> None:
    said = [each.message for it in refusals for each in it.problems]
    assert [message for message in said if "\n" in message or len(message) > 1000 or "Traceback" in message] == []


def test_none_takes_as_long_as_pyyaml_needs_for_a_long_flat_list(refusals: list[Refusal]) -> None:
    started = time.process_time()
    yaml.safe_load(FLAT_LIST)
    slowest = max(refusals, key=lambda it: it.cpu_s)
    assert slowest.cpu_s < time.process_time() - started, slowest.file.name


def test_the_command_refuses_them_without_a_traceback(folder: Path) -> None:
    files = [file.name for file in sorted(folder.glob("*.yaml"))[:: len(GENERATED) // CALLED_AT_ONCE]]
    done = Shell(folder=folder)("validate", "--json", *files)
    named = {problem["file"] for problem in json.loads(done.stdout)}
    assert (done.returncode, named, "Traceback" in done.stderr) == (65, set(files), False)


def test_what_is_spoiled_was_valid_before(folder: Path) -> None:
    (folder / "valid.json").write_text(json.dumps(VALID))
    with Project(folder, environment={}) as project:
        assert problems_in(project, folder / "valid.json") == ()


@pytest.mark.parametrize("name", sorted(SPOILS))
def test_every_way_to_spoil_a_meaning_is_among_them(name: str, refusals: list[Refusal]) -> None:
    assert len([it for it in refusals if it.file.stem.endswith(f"-{name}")]) > 100
