"""What it costs to start: the CPU time of fresh processes that only import, and the heavy libraries that they load."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.process import PYTHON, REPOSITORY, environment

HEAVY = ("ml_metadata", "sqlalchemy", "polars", "sklearn", "grpc")
EMPTY_CLI = "import click; click.group()(lambda: None)(['--help'])"
STATEMENTS: Mapping[str, str] = {
    "python": "pass",
    "pydantic": "from pydantic import BaseModel",
    "cmcore": "import cmcore",
    "decorators": "from cmcore import component, pipeline",
    "empty CLI": EMPTY_CLI,
    "cm --help": "import sys; sys.argv = ['cm', '--help']; from cmcore.cli.main import main; main()",
}
LISTED = f"""
import atexit, json, sys
atexit.register(lambda: print(json.dumps([name for name in {HEAVY} if name in sys.modules]), file=sys.stderr))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartUp:
    """The CPU seconds of the fresh processes of one statement, and the heavy libraries that it loads."""

    cpu_s: tuple[float, ...]
    heavy: tuple[str, ...]


def command(name: str) -> list[str]:
    """A fresh interpreter for one of the statements."""
    return [PYTHON, "-c", STATEMENTS[name]]


def heavy_libraries(statement: str) -> tuple[str, ...]:
    """Those of the heavy libraries that a statement loads."""
    ran = subprocess.run(  # noqa: S603 # our own statement
        [PYTHON, "-c", LISTED + statement],
        cwd=REPOSITORY,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    found: Sequence[str] = json.loads(ran.stderr.splitlines()[-1])
    return tuple(found)
