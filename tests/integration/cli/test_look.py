"""The commands that look at a project in which a pipeline has run once."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from tests.integration.cli.conftest import Shell

pytestmark = pytest.mark.integration
PIPELINE = """\
kind: Pipeline
name: greet-file
parameters: {who: {type: str}}
nodes:
  name: {component: "greet:name", with: {who: "${params.who}"}}
  file: {importer: {uri: who.txt, type: Files}}
  latest: {resolver: latest-artifact, with: {type: Examples, any_pipeline: true}}
"""


def expected(shell: Shell, *arguments: str) -> dict[str, str]:
    """What `cm plan` expects of every node."""
    found = shell.json("plan", *arguments)
    assert isinstance(found, dict)
    return {node["node"]: node["expectation"] for node in found["nodes"]}


def test_what_has_run_is_expected_to_hit(done: Shell) -> None:
    assert expected(done, "greet.py") == {"name": "hit", "greeting": "hit", "length": "hit"}


def test_what_comes_after_a_miss_is_unknown(done: Shell) -> None:
    assert expected(done, "greet.py", "--set", "mode=other") == {
        "name": "hit",
        "greeting": "miss",
        "length": "unknown",
    }


def test_a_miss_says_which_part_changed(done: Shell, run: str) -> None:
    assert f"parameter mode changed since {run}/greeting/1" in done("plan", "greet.py", "--set", "mode=other").stdout


def test_a_refresh_is_a_miss_everywhere(done: Shell) -> None:
    assert set(expected(done, "greet.py", "--refresh").values()) == {"miss", "unknown"}


def test_imported_data_is_fingerprinted_and_resolvers_are_asked(done: Shell) -> None:
    (done.folder / "greet.yaml").write_text(PIPELINE)
    (done.folder / "who.txt").write_text("world")
    found = expected(done, "greet.yaml", "--set", "who=world")
    assert found == {"name": "hit", "file": "miss", "latest": "found"}


def test_the_plan_is_given_with_the_predictions(done: Shell) -> None:
    found = done.json("plan", "greet.py")
    assert isinstance(found, dict)
    assert (found["plan"]["version"], found["plan"]["pipeline"]) == (1, "greet")


def test_why_gives_both_values(done: Shell) -> None:
    lines = done("cache", "why", "greet.py", "greeting", "--set", "mode=other").stdout.split()
    assert lines[lines.index("before") + 1 :][:3] == ["greet", "now", "other"]


def test_why_names_the_file_that_changed(cm: Shell) -> None:
    cm("run", "greet.py")
    source = cm.folder / "greet.py"
    source.write_text(source.read_text().replace("Hello", "Good morning"))
    assert "changed   greet.py" in cm("cache", "why", "greet.py", "name").stdout


def test_a_run_shows_parameters_with_the_layer_that_set_them(done: Shell, run: str) -> None:
    found = done.json("show", run)
    assert isinstance(found, dict)
    assert found["parameters"]["who"] == {"value": "world", "layer": "default"}


@pytest.mark.parametrize(
    "part", ["Python 3.", "from default", "COMPLETE", "politeness=0.5", "length.letters", "3 executed"]
)
def test_a_run_shows(part: str, done: Shell, run: str) -> None:
    assert part in done("show", run).stdout


def test_the_beginning_of_a_name_is_enough(done: Shell, run: str) -> None:
    assert run in done("show", run[:-1]).stdout


def test_a_run_that_is_not_there_is_said_so(done: Shell) -> None:
    assert (done("show", "nope").returncode, done("show", "nope").stderr[:6]) == (66, "error:")


def test_logs_hold_what_was_printed(done: Shell, run: str) -> None:
    assert done("logs", f"{run}/greeting/1").stdout == "the greeting is being written\n"


def test_logs_of_a_node_that_is_not_there_name_those_that_are(done: Shell, run: str) -> None:
    asked = done("logs", f"{run}/greting")
    assert (asked.returncode, "did you mean 'greeting'?" in asked.stderr) == (66, True)


def test_lineage_walks_up_to_the_first_node(done: Shell, run: str) -> None:
    assert f"name COMPLETE {run}/name/1" in done("lineage", f"{run}/length/letters", "--up").stdout


def test_lineage_walks_down_to_the_last_node(done: Shell, run: str) -> None:
    assert f"length COMPLETE {run}/length/1" in done("lineage", f"{run}/name/examples", "--down").stdout


@pytest.mark.parametrize("field", ["name", "uri", "digest"])
def test_an_artifact_is_found_by(field: str, done: Shell, run: str) -> None:
    shown = done.json("show", run)
    assert isinstance(shown, dict)
    artifact = shown["nodes"][0]["outputs"][0]
    assert artifact["name"] in done("lineage", artifact[field]).stdout


def test_lineage_as_a_diagram(done: Shell, run: str) -> None:
    assert done("lineage", f"{run}/length/letters", "--mermaid").stdout.startswith("flowchart LR\n")


def test_a_layer_above_wins_and_is_named(done: Shell) -> None:
    shown = done("config", "explain", "run.workers", "--set", "run.workers=4", CM_RUN__WORKERS="3").stdout
    rows = [line.split() for line in shown.splitlines()[1:]]
    assert rows == [
        ["default", "0"],
        ["environment", "$CM_RUN__WORKERS", "3"],
        ["--set", "4", "<-", "this", "one", "counts"],
    ]


def test_installed_components_are_listed(done: Shell) -> None:
    assert isinstance(done.json("components"), dict)


def test_a_component_is_shown_by_import_path(done: Shell) -> None:
    assert "examples  Examples  required" in done("components", "greet:greeting").stdout


def test_a_healthy_installation_passes_the_doctor(done: Shell) -> None:
    assert done("plugins", "doctor").returncode == 0


def test_garbage_is_reported_and_kept_until_told_otherwise(cm: Shell) -> None:
    cm("run", "greet.py")
    database = sqlite3.connect(cm.folder / ".cm" / "state.db")
    (run,) = database.execute("SELECT run FROM runs").fetchone()
    database.close()
    lost = cm.folder / ".cm" / "artifacts" / run / "name" / "9" / "examples" / "0"
    lost.mkdir(parents=True)
    (lost / "half.txt").write_text("half")
    reported = cm.json("gc")
    assert isinstance(reported, list)
    still_there = (lost / "half.txt").exists()
    cm("gc", "--delete")
    assert ([Path(it["uri"]).parts[-2:] for it in reported], still_there, lost.exists()) == (
        [("name", "9")],
        True,
        False,
    )


def test_collecting_garbage_leaves_what_is_recorded(cm: Shell) -> None:
    cm("run", "greet.py")
    cm("gc", "--delete")
    assert dict(cm.result("greet.py")["counts"])["cached"] == 3  # type: ignore[call-overload] # JSON


def test_every_problem_has_its_line(done: Shell) -> None:
    bad = done.folder / "bad.yaml"
    bad.write_text("kind: Pipeline\nname: Bad\nnodes:\n  a: {component: 'greet:nam', wiht: {}}\n  b: {resolver: x}\n")
    checked = done("validate", "bad.yaml")
    bad.unlink()
    assert [line.split(": ")[0] for line in checked.stdout.splitlines()] == ["bad.yaml:2:7", "bad.yaml:4:31"]


def test_parameters_without_a_value_are_no_problem_of_a_document(done: Shell) -> None:
    (done.folder / "fine.yaml").write_text(PIPELINE)
    checked = done("validate", "fine.yaml")
    assert (checked.returncode, checked.stdout) == (0, "no problems in 1 file\n")


def test_problems_as_json(done: Shell) -> None:
    found = json.loads(done("validate", "nope.yaml", "--json").stdout)
    assert [problem["file"] for problem in found] == ["nope.yaml"]
