"""`cm data` as a process of its own, and pipelines that read versions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

PIPELINES = """
from cmcore import InputArtifact, OutputArtifact, component, importer, pipeline, resolver
from cmcore.artifacts import Files, Model, Schema

@component
def train(data: InputArtifact[Files], model: OutputArtifact[Model]) -> None:
    lines = [line for file in sorted(data.path.glob("*.csv")) for line in file.read_text().splitlines()]
    with model.open("model", "w") as stream:
        stream.write("+".join(lines))

@component
def describe(schema: OutputArtifact[Schema]) -> None:
    with schema.open("schema", "w") as stream:
        stream.write("x: INT")

@pipeline
def described() -> None:
    describe()

@pipeline
def of_version(version: int = 1) -> None:
    train(data=resolver("data-version", dataset="shop", version=version).data)

@pipeline
def of_newest() -> None:
    train(data=resolver("data-version", dataset="shop").data)

@pipeline
def of_folder() -> None:
    train(data=importer(uri="data", type=Files).artifact)
"""


@dataclass(frozen=True, kw_only=True)
class Shell:
    """A project in which `cm` is called."""

    folder: Path

    def __call__(self, *arguments: str, code: int = 0) -> str:
        """What `cm` says; its exit code is as expected."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CM_")}
        done = subprocess.run(
            [sys.executable, "-m", "cmcore.cli.main", *arguments],
            cwd=self.folder, env=environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def json(self, *arguments: str, code: int = 0) -> dict[str, object]:
        """What it says as JSON."""
        found: dict[str, object] = json.loads(self(*arguments, "--json", code=code))
        return found

    def run(self, pipeline: str) -> str:
        """The name of a new run of a pipeline."""
        return str(json.loads(self("run", pipeline, "--json").splitlines()[-1])["run"])

    def rows(self, text: str) -> None:
        """Set the rows of the table."""
        (self.folder / "data").mkdir(exist_ok=True)
        (self.folder / "data" / "rows.csv").write_text(text)


@pytest.fixture
def cm(tmp_path: Path) -> Shell:
    shell = Shell(folder=tmp_path / "shop")
    shell.folder.mkdir()
    (shell.folder / "cm.yaml").write_text("name: shop\n")
    (shell.folder / "train.py").write_text(PIPELINES)
    shell.rows("x\n1\n")
    shell("data", "snapshot", "data", "--name", "shop", "-m", "one row")
    return shell


def model_of(cm: Shell, pipeline: str) -> str:
    """What a run of a pipeline has trained."""
    run = cm.run(f"train.py:{pipeline}")
    model: Path = next((cm.folder / ".cm" / "artifacts" / run).rglob("model/0/model"))
    return model.read_text()


def test_a_pipeline_reads_the_version_that_it_names(cm: Shell) -> None:
    cm.rows("x\n1\n2\n")
    cm("data", "snapshot", "data", "--name", "shop")
    assert (model_of(cm, "of_version"), model_of(cm, "of_newest")) == ("x+1", "x+1+2")


def test_what_was_trained_on_a_version_is_downstream_of_it(cm: Shell) -> None:
    cm("run", "train.py:of_version")
    assert "Model" in cm("lineage", "data:shop@1", "--down")


def test_a_version_that_is_not_in_the_lineage_is_said_to_be_missing(cm: Shell) -> None:
    assert "no version of data 'shop@9'" in cm("lineage", "data:shop@9", code=66)


def test_what_was_trained_on_its_folder_is_downstream_of_it_as_well(cm: Shell) -> None:
    cm("run", "train.py:of_folder")
    assert "Model" in cm("lineage", "data:shop@1", "--down")


def version_artifact(cm: Shell) -> str:
    from cmcore import Project
    from cmcore.datasets.names import Reference
    from cmcore.datasets.recording import recorded

    with Project(cm.folder, environment={}) as project:
        found = recorded(project.lineage, Reference.parse("shop@1"))
    assert found is not None
    return found.name


def test_a_damaged_copy_is_made_again(cm: Shell) -> None:
    model_of(cm, "of_version")
    copy = next((cm.folder / ".cm" / "cache").rglob("rows.csv"))
    copy.chmod(0o644)
    copy.write_text("x\n9\n")
    cm("run", "train.py:of_version", "--no-cache")
    assert next((cm.folder / ".cm" / "cache").rglob("rows.csv")).read_text() == "x\n1\n"


def test_a_snapshot_says_what_is_new(cm: Shell) -> None:
    cm.rows("x\n1\n2\n")
    said = cm("data", "snapshot", "data", "--name", "shop")
    assert said.splitlines()[1] == "since shop@1: 1 changed, 0 the same; 0.0 % of the bytes shared"


def test_a_snapshot_of_the_same_says_so(cm: Shell) -> None:
    assert cm("data", "snapshot", "data", "--name", "shop").startswith("nothing changed since shop@1  1 file, 4 B")


def test_a_message_that_is_not_kept_is_said_to_be(cm: Shell) -> None:
    assert "the message was not kept" in cm("data", "snapshot", "data", "--name", "shop", "-m", "again")


def test_a_snapshot_may_carry_a_schema(cm: Shell) -> None:
    name = f"{cm.run('train.py:described')}/describe/1/schema/0"
    (cm.folder / "data" / "more.csv").write_text("x\n")
    found = cm.json("data", "snapshot", "data", "--name", "shop", "--schema", name)
    assert found["attached"]["schema"]["name"] == name  # type: ignore[index]


def test_what_is_no_schema_is_refused_as_one(cm: Shell) -> None:
    name = version_artifact(cm)
    assert "no Schema" in cm("data", "snapshot", "data", "--name", "shop", "--schema", name, code=64)


def test_a_run_that_asks_for_a_version_that_is_not_there_fails(cm: Shell) -> None:
    said = cm("run", "train.py:of_version", "--set", "version=9", code=1)
    assert "shop@9 does not exist; shop has versions 1 to 1" in said


def test_a_plan_shows_that_a_version_is_not_there(cm: Shell) -> None:
    said = cm("plan", "train.py:of_version", "--set", "version=9")
    assert "shop@9 does not exist" in " ".join(said.split())


def test_a_folder_that_was_meant_is_hinted_at(cm: Shell) -> None:
    assert "write ./data" in cm("data", "diff", "shop@1", "data", code=66)


def test_the_folder_of_the_project_is_no_place_for_a_checkout(cm: Shell) -> None:
    assert "name a folder beside it" in cm("data", "checkout", "shop@1", ".", "--force", code=74)
    assert "every file is whole" in cm("data", "verify")


def test_projects_may_share_a_state_database(cm: Shell, tmp_path: Path) -> None:
    other = Shell(folder=tmp_path / "art")
    other.folder.mkdir()
    (other.folder / "cm.yaml").write_text(f"name: art\nstack:\n  state: sqlite:///{cm.folder}/.cm/state.db\n")
    other.rows("x\n7\n")
    other("data", "snapshot", "data", "--name", "shop")
    assert "shop@1 is kept in" in other("data", "checkout", "shop@1", "out", code=74)
    assert "1 version verified" in other("data", "verify")
    other("gc", "--delete")
    cm("gc", "--delete")
    assert "every file is whole" in cm("data", "verify")


def test_datasets_and_versions_are_listed(cm: Shell) -> None:
    cm.rows("x\n1\n2\n")
    cm("data", "snapshot", "data", "--name", "shop", "--span", "7")
    assert [line.split()[:2] for line in cm("data", "list").splitlines()] == [["dataset", "newest"], ["shop", "2"]]
    assert [line.split()[:2] for line in cm("data", "list", "shop").splitlines()[1:]] == [
        ["shop@2", "7"],
        ["shop@1", "1"],
    ]


def test_a_version_is_shown_with_its_files(cm: Shell) -> None:
    found = cm.json("data", "show", "shop@1")
    assert (found["message"], found["rows"], found["source"]) == ("one row", 1, (cm.folder / "data").as_uri())
    assert "rows.csv" in cm("data", "show", "shop")


def test_versions_and_folders_are_compared(cm: Shell) -> None:
    cm.rows("x\n1\n2\n3\n")
    assert cm("data", "diff", "shop@1", "./data").splitlines()[1].split() == [
        "changed",
        "rows.csv",
        "4",
        "B",
        "->",
        "8",
        "B",
        "+2",
    ]
    assert cm("data", "diff", "shop@1", "./data", "--stat").count("\n") == 1
    assert cm.json("data", "diff", "shop", "shop")["same"] == 1


def test_a_checkout_overwrites_by_force_only(cm: Shell) -> None:
    cm.rows("mine\n")
    assert "rows.csv was changed" in cm("data", "checkout", "shop@1", "data", code=77)
    cm("data", "checkout", "shop@1", "data", "--force")
    assert (cm.folder / "data" / "rows.csv").read_text() == "x\n1\n"


def test_damage_is_found(cm: Shell) -> None:
    assert "every file is whole" in cm("data", "verify")
    next((cm.folder / ".cm" / "data" / "chunks").glob("??/*")).unlink()
    assert "shop@1   rows.csv" in cm("data", "verify", "shop", code=74)


def test_there_and_back_by_way_of_dvc(cm: Shell) -> None:
    cm("data", "export", "shop@1", "repository", "--format", "dvc")
    found = cm.json("data", "import", "repository/shop.dvc", "--name", "back")
    assert (found["digest"], found["message"]) == (cm.json("data", "show", "shop@1")["digest"], "shop@1: one row")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["snapshot", "data", "--name", "Shop"], 64, "cannot name a dataset"),
        (["show", "shop@9"], 66, "shop has versions 1 to 1"),
        (["show", "shop@x"], 64, "names no version"),
        (["list", "nothing"], 66, "there is no dataset 'nothing'"),
        (["diff", "shop", "./nothing"], 66, "there is no 'nothing'"),
        (["import", "data"], 64, "no format takes 'data'"),
        (["import", "data", "--format", "svn"], 78, "svn"),
        (["export", "shop", "out", "--format", "svn"], 78, "svn"),
    ],
)
def test_what_cannot_be_is_refused(cm: Shell, arguments: list[str], code: int, said: str) -> None:
    assert said in cm("data", *arguments, code=code)
