"""Models of real runs become versions: by the component Registrar in worker processes, and by `cm register`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from shutil import copytree

import pytest

from cmcore.registry.names import Reference
from cmcore.stack import Project
from tests.integration.cli.conftest import Shell

pytestmark = pytest.mark.integration
PROJECT = Path(__file__).parent / "project"


@pytest.fixture
def cm(tmp_path: Path) -> Shell:
    """A fresh project."""
    return Shell(folder=copytree(PROJECT, tmp_path / "project"))


def ran(shell: Shell, pipeline: str, *sets: str) -> str:
    """The name of a run that succeeded."""
    options = [part for each in sets for part in ("--set", each)]
    result = shell.result(f"rain.py:{pipeline}", *options)
    assert result["state"] == "SUCCEEDED", result
    return str(result["run"])


def made(shell: Shell, run: str) -> dict[str, object]:
    """What the Registrar of a run has come to."""
    with Project(shell.folder, environment={}) as project:
        execution = next(each for each in project.lineage.executions(run) if each.node == "register")
        properties = [edge.artifact.properties for edge in execution.outputs]
        return {"state": execution.state.value, "version": properties[0].get("version", "") if properties else ""}


def versions(shell: Shell, model: str = "rain") -> list[str]:
    with Project(shell.folder, environment={}) as project:
        return [str(version.number) for version in reversed(project.registry.versions(model))]


def test_a_pipeline_registers_each_model_with_the_number_that_its_evidence_gives(cm: Shell) -> None:
    runs = [
        ran(cm, "registered"),
        ran(cm, "registered", "limit=1008.0"),
        ran(cm, "registered", "limit=1007.0"),
        ran(cm, "registered", "limit=1007.0", "column=hPa"),
    ]
    assert [made(cm, run)["version"] for run in runs] == ["1.0.0", "1.1.0", "1.1.1", "2.0.0"]


def test_a_registration_that_still_holds_is_served_from_the_cache(cm: Shell) -> None:
    ran(cm, "registered")
    assert made(cm, ran(cm, "registered")) == {"state": "CACHED", "version": "1.0.0"}


def test_a_registration_whose_alias_has_moved_is_made_again(cm: Shell) -> None:
    ran(cm, "registered")
    with Project(cm.folder, environment={}) as project:
        alias = project.registry.alias("rain", "candidate")
        assert alias is not None
        project.registry.remove_alias("rain", "candidate", over=alias.generation)
    again = made(cm, ran(cm, "registered"))
    with Project(cm.folder, environment={}) as project:
        meant = str(project.registry.version(Reference.parse("rain@candidate")).number)
    assert (again, meant) == ({"state": "COMPLETE", "version": "1.0.0"}, "1.0.0")


def test_a_model_that_is_not_blessed_is_not_registered_and_the_run_goes_on(cm: Shell) -> None:
    run = ran(cm, "registered", "limit=900.0")
    assert (made(cm, run), versions(cm)) == ({"state": "COMPLETE", "version": ""}, [])


def test_not_registering_is_served_from_the_cache(cm: Shell) -> None:
    ran(cm, "registered", "limit=900.0")
    assert made(cm, ran(cm, "registered", "limit=900.0"))["state"] == "CACHED"


def test_a_model_that_runs_code_fails_the_node_and_is_not_registered(cm: Shell) -> None:
    result = cm.result("rain.py:registered", "--set", "evil=true")
    assert (made(cm, str(result["run"])), versions(cm)) == ({"state": "FAILED", "version": ""}, [])


def test_a_version_keeps_what_it_was_made_from(cm: Shell) -> None:
    run = ran(cm, "registered")
    with Project(cm.folder, environment={}) as project:
        origin = project.registry.version(Reference.parse("rain")).facts.origin
    assert (origin.run, origin.node, list(origin.steps)) == (run, "train", ["train"])


def test_a_dry_run_tells_the_version_and_makes_none(cm: Shell) -> None:
    found = cm.json("register", f"{ran(cm, 'rain')}/train/model", "--dry-run")
    assert isinstance(found, dict)
    assert (found["version"], found["created"], versions(cm)) == ("1.0.0", False, [])


def test_registering_by_hand_finds_the_evidence(cm: Shell) -> None:
    run = ran(cm, "rain")
    found = cm.json("register", f"{run}/train/model")
    assert isinstance(found, dict)
    assert (found["model"], found["version"], found["created"], found["evidence"]) == (
        "rain", "1.0.0", True,
        {"evaluation": f"{run}/evaluate/1/evaluation/0", "blessing": f"{run}/evaluate/1/blessing/0"},
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Done:
    """A project in which some models were made and the first was registered; tests leave it as it is."""

    shell: Shell
    runs: dict[str, str]

    def __call__(self, *arguments: str) -> tuple[int, str, list[str]]:
        """Register, `first` and so on standing for runs: the exit code, the first line, and all versions then."""
        named = [argument.format(**self.runs) for argument in arguments]
        done = self.shell("register", *named)
        return done.returncode, (done.stdout or done.stderr).splitlines()[0], versions(self.shell)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    shell = Shell(folder=copytree(PROJECT, tmp_path_factory.mktemp("done") / "project"))
    runs = {
        "first": ran(shell, "rain"),
        "better": ran(shell, "rain", "limit=1008.0"),
        "spoilt": ran(shell, "rain", "limit=1001.0", "spoil=true"),
        "evil": ran(shell, "rain", "evil=true"),
        "pickled": ran(shell, "pickled"),
    }
    shell("register", f"{runs['first']}/train/model")
    return Done(shell=shell, runs=runs)


def test_the_same_model_is_known(done: Done) -> None:
    assert done("{first}/train/model") == (0, "known: this very model is rain@1.0.0", ["1.0.0"])


def test_what_is_computed_is_shown_with_all_that_was_looked_at(done: Done) -> None:
    lines = done.shell("register", f"{done.runs['better']}/train/model", "--dry-run").stdout.splitlines()
    assert (lines[0], lines[1].partition(":")[0], lines[4].split()) == (
        "would register rain@1.1.0, minor over 1.0.0",
        "accuracy is better than in 1.0.0 with confidence",
        ["holds", "rule", "found"],
    )


def test_another_level_is_taken_with_a_reason(done: Done) -> None:
    model = f"{done.runs['better']}/train/model"
    found = done.shell.json("register", model, "--level", "major", "--reason", "rain is now 1 mm", "--dry-run")
    assert isinstance(found, dict)
    assert (found["version"], found["computed"], found["override"]) == ("2.0.0", "minor", "rain is now 1 mm")


def test_a_pickle_of_a_type_that_says_so_may_be_registered(done: Done) -> None:
    code, said, _ = done("{pickled}/train/model", "--dry-run")
    assert (code, said) == (0, "would register pickled@1.0.0")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["{better}/train/model", "--level", "major"], 64, "give a reason for taking the other"),
        (["{better}/train/model", "--as", "../rain"], 64, "'../rain' cannot name a model"),
        (["{better}/evaluate/evaluation"], 64, "is of type ModelEvaluation; a Model was asked for"),
        (["{better}/train/model", "--blessing", "{first}/evaluate/blessing"], 64, "is about model sha256:"),
        (["{better}/train/model", "--schema", "{first}/evaluate/blessing"], 64, "a Schema was asked for"),
        (["{spoilt}/train/model"], 65, "$.overall.metrics"),
        (["nowhere/train/model"], 66, "no artifact 'nowhere/train/model' in this project"),
        (["{evil}/train/model"], 77, "must not be loaded"),
    ],
)
def test_what_cannot_be_registered_is_refused_and_changes_nothing(
    done: Done, arguments: list[str], code: int, message: str
) -> None:
    returned, said, there = done(*arguments)
    assert (returned, message in said, there) == (code, True, ["1.0.0"]), said


def test_changed_bytes_are_refused(cm: Shell) -> None:
    run = ran(cm, "rain")
    file = next((cm.folder / ".cm" / "artifacts" / run / "train").rglob("limit.json"))
    file.chmod(0o644)
    file.write_text("1020.0", encoding="utf-8")
    refused = cm("register", f"{run}/train/model")
    assert (refused.returncode, "is not what was recorded" in refused.stderr) == (74, True)
