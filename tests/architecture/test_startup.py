"""Starting is cheap because nothing heavy is loaded: no times here, `make bench` takes those; only what is imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

HEAVY = ("ml_metadata", "sqlalchemy", "polars", "sklearn", "grpc")
STARTS = {
    "import cmcore": "import cmcore",
    "the decorators": "from cmcore import component, pipeline",
    "cm --help": "from cmcore.cli.main import run; run(['--help'])",
    "cm --version": "from cmcore.cli.main import run; run(['--version'])",
}
LOADED = "\nimport json, sys; print(json.dumps(sorted(sys.modules)), file=sys.stderr)"


def modules_after(statement: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after a statement."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV_CORE")}
    ran = subprocess.run(
        [sys.executable, "-c", statement + LOADED], env=environment, capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in json.loads(ran.stderr.splitlines()[-1])}


@pytest.mark.parametrize("start", STARTS)
def test_starting_loads_no_heavy_library(start: str) -> None:
    assert modules_after(STARTS[start]).isdisjoint(HEAVY)


def test_importing_cmcore_does_not_even_load_pydantic() -> None:
    assert "pydantic" not in modules_after("import cmcore")
