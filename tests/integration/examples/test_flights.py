"""The flights example as a user runs it: Python and YAML agree byte for byte, and a second run does no work."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cmcore import Project
from cmcore.errors import RefusedError
from cmcore.lineage.record import ExecutionRecord
from cmcore.registry.names import Reference
from cmcore.registry.values import Level, Verdict

EXAMPLE = Path(__file__).parents[3] / "examples" / "flights"
CM = Path(sys.executable).with_name("cm")
ITERATIONS = "100"  # enough trees to be blessed, half of the demo's

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The prepared example with its twelve files of flights."""
    folder = tmp_path_factory.mktemp("prepared") / "flights"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".cm", "data", "__pycache__", "pushed"))
    subprocess.run([sys.executable, "prepare.py"], cwd=folder, check=True, capture_output=True)
    return folder


def run(folder: Path, pipeline: str) -> None:
    """`cm run` in a project."""
    command = [CM, "run", pipeline, "--set", f"iterations={ITERATIONS}"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def newest(folder: Path) -> list[ExecutionRecord]:
    """The executions of a project's newest run."""
    with Project(folder) as project:
        return project.lineage.executions(project.ledger.runs.list(limit=1)[0].run)


def digests(folder: Path) -> dict[tuple[str, str], str]:
    """Content digests by node and output; where things lie and when they were made is not among them."""
    return {
        (execution.node, edge.key): edge.artifact.digest for execution in newest(folder) for edge in execution.outputs
    }


@pytest.fixture(scope="module")
def projects(data: Path) -> dict[str, Path]:
    """Two fresh projects over equal data, one run from Python, one from YAML."""
    made = {}
    for pipeline in ("pipeline.py", "pipeline.yaml"):
        folder = data.parent / pipeline.replace(".", "-") / "flights"
        shutil.copytree(data, folder)
        run(folder, pipeline)
        made[pipeline] = folder
    return made


def test_python_and_yaml_give_equal_digests(projects: dict[str, Path]) -> None:
    first, second = digests(projects["pipeline.py"]), digests(projects["pipeline.yaml"])
    timed = ("infra", "infra_blessing")  # how long answers took is in it
    assert {**first, timed: ""} == {**second, timed: ""}


def test_all_flights_are_accounted_for(projects: dict[str, Path]) -> None:
    generated = next(it for it in newest(projects["pipeline.py"]) if it.node == "gen")
    values = {edge.key: edge.artifact.facts.get("value") for edge in generated.outputs}
    assert (values["rows"], values["dropped_rows"]) == (327_346, 9_430)


def test_the_model_is_blessed(projects: dict[str, Path]) -> None:
    evaluated = next(it for it in newest(projects["pipeline.yaml"]) if it.node == "evaluator")
    blessing = next(edge.artifact for edge in evaluated.outputs if edge.key == "blessing")
    assert blessing.properties["blessed"] is True


def test_the_model_is_the_first_version(projects: dict[str, Path]) -> None:
    with Project(projects["pipeline.yaml"]) as project:
        version = project.registry.version(Reference.parse("flights@candidate"))
    assert (str(version), version.facts.blessed, version.bump.level) == ("flights@1.0.0", True, Level.FIRST)


def test_its_maker_alone_cannot_promote_it(projects: dict[str, Path]) -> None:
    with Project(projects["pipeline.yaml"]) as project, pytest.raises(RefusedError, match="0 of 1 approvals"):
        project.promote(Reference.parse("flights@candidate"), "production")


def test_approved_by_somebody_else_it_is_promoted(projects: dict[str, Path]) -> None:
    with Project(projects["pipeline.py"], sets={"actor": "release-manager"}) as project:
        project.registry.approve(Reference.parse("flights@candidate"), "production", Verdict.APPROVED, "looked at")
    with Project(projects["pipeline.py"]) as project:
        alias = project.promote(Reference.parse("flights@candidate"), "production")
    assert str(alias.version) == "1.0.0"


def test_a_second_run_executes_no_node(projects: dict[str, Path]) -> None:
    folder = projects["pipeline.yaml"]
    run(folder, "pipeline.yaml")
    listed = subprocess.run([CM, "runs", "--json"], cwd=folder, capture_output=True, text=True, check=True)
    assert json.loads(listed.stdout)[0]["executed"] == 0


def test_editing_nothing_but_the_pipelines_language_still_hits(projects: dict[str, Path]) -> None:
    folder = projects["pipeline.yaml"]
    run(folder, "pipeline.py")
    states = {execution.node: str(execution.state) for execution in newest(folder)}
    assert {node for node, state in states.items() if state != "CACHED"} == {"baseline"}
