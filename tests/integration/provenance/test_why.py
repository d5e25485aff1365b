"""Why a registered model is what it is, and its card: asked of real stores by the command line."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cmcore import Project
from cmcore.lineage.record import ArtifactRecord
from cmcore.provenance.origin import origin_of
from cmcore.registry.names import Reference
from cmcore.registry.values import Verdict

pytestmark = pytest.mark.integration

CM = Path(sys.executable).with_name("cm")
PIPELINE = Path(__file__).with_name("rain.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rain:
    """A project with a run, a registered and approved version, and a reproduction of the run."""

    folder: Path
    run: str

    def cm(self, *words: str, code: int = 0) -> str:
        """What a command prints."""
        done = subprocess.run([CM, *words], cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def why(self, what: str) -> dict[str, Any]:
        """The account as JSON."""
        found: dict[str, Any] = json.loads(self.cm("why", what, "--json"))
        return found


@pytest.fixture(scope="module")
def rain(tmp_path_factory: pytest.TempPathFactory) -> Rain:
    folder = tmp_path_factory.mktemp("why") / "rain"
    (folder / "days").mkdir(parents=True)
    (folder / "days" / "days.txt").write_text("1013.2\n1009.8\n1021.5\n")
    shutil.copy(PIPELINE, folder)
    words = [CM, "run", "rain.py", "--set", "margin=2", "--json"]
    ran = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=True)
    found = Rain(folder=folder, run=json.loads(ran.stdout.splitlines()[-1])["run"])
    with Project(folder, environment={"CM_ACTOR": "eve"}) as project:
        project.registry.approve(Reference.parse("rain@1.0.0"), "staging", Verdict.APPROVED, "looked at it")
    found.cm("reproduce", found.run, "--verify")
    return found


def test_the_version_is_told_with_who_approved_it(rain: Rain) -> None:
    version = rain.why("rain@candidate")["version"]
    assert (version["version"], [said["reason"] for said in version["approvals"]]) == ("1.0.0", ["looked at it"])


def test_data_is_found_behind_a_value_that_stood_in_a_parameter(rain: Rain) -> None:
    found = rain.why("rain")
    assert ([each["uri"] for each in found["data"]], [each["node"] for each in found["training"]["steps"]]) == (
        [(rain.folder / "days").as_uri()],
        ["mean", "train"],
    )


def test_parameters_are_told_with_the_layer_that_set_them(rain: Rain) -> None:
    assert rain.why("rain")["training"]["parameters"] == {"margin": {"value": 2, "layer": "set"}}


def test_what_was_made_of_it_is_told(rain: Rain) -> None:
    assert [use["node"] for use in rain.why("rain")["uses"]] == ["evaluate", "register"]


def test_a_reproduction_is_told(rain: Rain) -> None:
    assert [each["verified"] for each in rain.why("rain")["reproductions"]] == [True]


def test_an_artifact_is_told_with_the_versions_that_it_is(rain: Rain) -> None:
    assert rain.why(f"{rain.run}/train/model")["versions"] == ["rain@1.0.0"]


def test_an_unknown_model_is_not_found(rain: Rain) -> None:
    rain.cm("why", "snow@1.0.0", code=66)


def test_the_registered_origin_is_that_of_the_lineage(rain: Rain) -> None:
    with Project(rain.folder) as project:
        facts = project.registry.version(Reference.parse("rain@1.0.0")).facts
        model = project.lineage.artifact(facts.artifact)
        assert model is not None
        assert facts.origin == origin_of(project.lineage, model)


def trained(project: Project, run: str) -> ArtifactRecord:
    """The model of a run."""
    execution = next(each for each in project.lineage.executions(run) if each.node == "train")
    return execution.outputs[0].artifact


def test_a_cold_cache_gives_the_same_steps_and_data(rain: Rain) -> None:
    words = ["run", "rain.py", "--set", "margin=2", "--no-cache", "--to", "train", "--json"]
    run = json.loads(rain.cm(*words).splitlines()[-1])["run"]
    with Project(rain.folder) as project:
        warm, cold = (origin_of(project.lineage, trained(project, name)) for name in (rain.run, run))
    assert (warm.steps, warm.data) == (cold.steps, cold.data)


def test_a_card_names_what_people_have_to_say(rain: Rain) -> None:
    told = rain.cm("card", "rain", "--check", code=1)
    assert "cm describe rain owner='...' description='...' intended_use='...' limitations='...'" in told


def test_a_card_has_the_slices_of_the_evaluation(rain: Rain) -> None:
    card = json.loads(rain.cm("card", "rain", "--format", "json"))
    assert [each["of"] for each in card["evaluation"]["slices"]] == [{"season": "spring"}]


def test_a_card_is_written_in_the_format_of_its_file(rain: Rain) -> None:
    rain.cm("card", "rain@1.0.0", "-o", "rain.html")
    assert (rain.folder / "rain.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_card_that_cannot_be_written_says_where(rain: Rain) -> None:
    words = ["card", "rain@1.0.0", "-o", "nowhere/rain.html"]
    done = subprocess.run([CM, *words], cwd=rain.folder, capture_output=True, text=True, check=False)
    reason = "the card cannot be written to nowhere/rain.html: No such file or directory"
    assert (done.returncode, reason in done.stderr) == (64, True)


def test_the_same_card_twice_is_the_same_text(rain: Rain) -> None:
    assert rain.cm("card", "rain") == rain.cm("card", "rain")
