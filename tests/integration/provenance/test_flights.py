"""The flights example reproduced in a fresh clone after its features were edited: every node is deterministic."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.provenance.project_of_words import AUTHOR, verdicts

EXAMPLE = Path(__file__).parents[3] / "examples" / "flights"
CM = Path(sys.executable).with_name("cm")
ITERATIONS = "10"
RUN_AGAIN = {"gen", "stats", "schema", "validator", "transform", "trainer", "evaluator"}
EDITED = '"departure_sin": call("sin", angle)'

pytestmark = pytest.mark.integration


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduced:
    """What was said, and where."""

    folder: Path
    code: int
    report: dict[str, Any]


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory: pytest.TempPathFactory) -> Reproduced:
    origin = tmp_path_factory.mktemp("origin")
    shutil.copytree(EXAMPLE, origin / "flights", ignore=shutil.ignore_patterns(".cm", "data", "__pycache__", "pushed"))
    (origin / ".gitignore").write_text("__pycache__/\n/flights/data/\n/flights/pushed/\n")
    for words in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "flights"]):
        subprocess.run(["git", *words], cwd=origin, env={**os.environ, **AUTHOR}, check=True)
    clone = tmp_path_factory.mktemp("clone") / "clone"
    subprocess.run(["git", "clone", "--quiet", str(origin), str(clone)], check=True)
    folder = clone / "flights"
    subprocess.run([sys.executable, "prepare.py"], cwd=folder, check=True, capture_output=True)
    words = ["run", "pipeline.yaml", "--set", f"iterations={ITERATIONS}", "--set", "spans=1..3", "--json"]
    ran = subprocess.run([CM, *words], cwd=folder, check=False, capture_output=True, text=True)
    features = folder / "flights_features.py"
    features.write_text(features.read_text().replace(EDITED, EDITED.replace("sin", "cos")))
    command = [CM, "reproduce", json.loads(ran.stdout.splitlines()[-1])["run"], "--verify", "--json"]
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
    return Reproduced(folder=folder, code=done.returncode, report=json.loads(done.stdout.splitlines()[-1]))


def test_every_node_that_runs_again_gives_equal_digests(reproduced: Reproduced) -> None:
    found = verdicts(reproduced.report)
    assert {name for name, verdict in found.items() if verdict == "equal"} == RUN_AGAIN


def test_the_others_are_named_with_the_reason(reproduced: Reproduced) -> None:
    given = {it["node"]: it["reason"] for it in reproduced.report["nodes"] if it["verdict"] == "given"}
    assert given == {
        "raw": "data from outside: its digest is checked",
        "baseline": "a query: what it found then is given again",
        "infra": "it changes the world outside: never run again",
        "registrar": "it changes the world outside: never run again",
        "pusher": "it changes the world outside: never run again",
    }


def test_it_is_verified(reproduced: Reproduced) -> None:
    assert (reproduced.code, reproduced.report["verified"]) == (0, True)


def test_the_edit_is_still_there(reproduced: Reproduced) -> None:
    features = (reproduced.folder / "flights_features.py").read_text()
    assert EDITED.replace("sin", "cos") in features
