"""What one real run leaves to be found: its parameters come from every layer, and its code has an edit."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cmcore.filters.parse import parse
from cmcore.stack import Project
from cmcore.tracking.values import Series, TrackedRun
from tests.integration.cli.conftest import Shell

pytestmark = pytest.mark.integration
SETTINGS = "kind: Project\nname: forecasts\nactor: ada\nparameters: {epochs: 4}\nrun: {system_metrics_s: 0.1}\n"
TRAINING = """
import time

from cmcore import Context, InputArtifact, OutputDict, Parameter, component, importer, pipeline
from cmcore.artifacts import Files

SQUARE = '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><rect width="8" height="8"/></svg>'


@component
def train(
    context: Context, days: InputArtifact[Files], rate: Parameter[float], epochs: Parameter[int], depth: Parameter[int]
) -> OutputDict(rows=int):
    for epoch in range(epochs):
        context.metric("loss", 1 / (epoch + 1), step=epoch)
    context.param("optimizer", "adam")
    context.tag("team", "forecasts")
    context.note("looks right")
    context.image("square", SQUARE.encode())
    context.table("confusion", {"yes": [9, 1], "no": [2, 8]})
    context.text("summary", "all is well")
    time.sleep(2.5)  # readings are looked after once a second
    return {"rows": len((days.path / "days.txt").read_text().splitlines())}


@pipeline
def training(rate: float = 0.1, epochs: int = 2, depth: int = 1, seed: int = 7) -> None:
    train(days=importer(uri="days", type=Files).artifact, rate=rate, epochs=epochs, depth=depth)
"""
COMMAND = ("run", "training.py", "--set", "rate=0.3")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A committed project with one edit, run once by the command line."""
    folder = tmp_path_factory.mktemp("forecasts")
    (folder / "days").mkdir()
    (folder / "days" / "days.txt").write_text("1013\n1009\n")
    (folder / "cm.yaml").write_text(SETTINGS)
    (folder / "training.py").write_text(TRAINING)
    committed(folder)
    (folder / "training.py").write_text(TRAINING.replace("all is well", "all is very well"))
    ran = Shell(folder=folder)(*COMMAND, CM_PARAM_DEPTH="3")
    assert ran.returncode == 0, ran.stderr
    with Project(folder, environment={}) as project:
        yield project


@pytest.fixture(scope="module")
def run(project: Project) -> TrackedRun:
    return project.tracking.search()[0]


def committed(folder: Path) -> None:
    """Put everything into a new repository."""
    name = ["-c", "user.name=ada", "-c", "user.email=ada@example.org"]
    for words in (["init", "--quiet"], ["add", "."], [*name, "commit", "--quiet", "--message", "all"]):
        subprocess.run(["git", "-C", str(folder), *words], check=True)


def head(folder: Path) -> str:
    asked = ["git", "-C", str(folder), "rev-parse", "HEAD"]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()


def test_every_value_says_which_file_variable_or_flag_set_it(run: TrackedRun) -> None:
    assert {each.name: (each.text, each.layer) for each in run.params if not each.node} == {
        "rate": ("0.3", "set"),
        "depth": ("3", "environment $CM_PARAM_DEPTH"),
        "epochs": ("4", "file cm.yaml"),
        "seed": ("7", "default"),
    }


def test_the_command_line_is_kept(run: TrackedRun) -> None:
    assert run.command[1:] == COMMAND


def test_the_commit_and_that_it_was_edited_are_kept(run: TrackedRun, project: Project) -> None:
    assert (run.commit, run.changes.startswith("sha256:")) == (head(project.folder), True)


def test_what_was_edited_is_kept_itself(project: Project) -> None:
    kept = [file.read_bytes() for file in (project.home / "code").rglob("*") if file.is_file()]
    assert any(b"all is very well" in content for content in kept)


@pytest.mark.parametrize("of", [("environment", "python"), ("environment", "packages"), ("machine", "cpu")])
def test_environment_and_machine_are_kept(of: tuple[str, str], run: TrackedRun, project: Project) -> None:
    recorded = project.lineage.run(run.run)
    assert recorded is not None
    told = recorded.facts[of[0]]
    assert isinstance(told, dict)
    assert told[of[1]]


def test_the_data_are_kept_by_place_and_digest(run: TrackedRun, project: Project) -> None:
    (data,) = run.datasets
    assert (data.uri, data.digest.partition(":")[0]) == ((project.folder / "days").as_uri(), "sha256")


def test_series_have_every_point(run: TrackedRun, project: Project) -> None:
    points = project.tracking.series(run.run, Series(node="train", name="loss"))
    assert [(point.step, point.value) for point in points] == [(0, 1.0), (1, 1 / 2), (2, 1 / 3), (3, 1 / 4)]


def test_images_tables_and_texts_lie_in_an_artifact_of_their_own(run: TrackedRun, project: Project) -> None:
    kept = {each.what: project.payloads.input(each.uri, each.digest).path / each.path for each in run.files}
    assert {what: file.read_text().split("\n")[0][:4] for what, file in kept.items()} == {
        "image": "<svg", "table": "yes,", "text": "all ",
    }  # fmt: skip


def test_tags_and_notes_are_kept(run: TrackedRun) -> None:
    assert (dict(run.tags), [note.text for note in run.notes]) == ({"team": "forecasts"}, ["looks right"])


@pytest.mark.parametrize("name", ["cpu_percent", "memory_mib"])
def test_the_machine_was_read_while_the_node_worked(name: str, run: TrackedRun, project: Project) -> None:
    points = project.tracking.series(run.run, Series(node="train", name=name, system=True))
    assert min(point.value for point in points) >= 0


@pytest.mark.parametrize(
    "asked",
    ['actor = "ada"', 'tags.team = "forecasts"', "metrics.loss < 0.3", 'params.optimizer = "adam"', "params.depth = 3"],
)
def test_it_is_found_by(asked: str, run: TrackedRun, project: Project) -> None:
    assert [found.run for found in project.tracking.search(parse(asked))] == [run.run]
