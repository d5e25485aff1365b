"""Plugins built into wheels and installed into a folder, which a fresh interpreter has on its path."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import JsonValue

HERE = Path(__file__).parent
SOURCES = sorted([*(HERE / "good").iterdir(), *(HERE / "bad").iterdir()])

Ask = Callable[[str], JsonValue]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which wheels of the two good and all bad plugins were installed, with pip and without network."""
    wheels = tmp_path_factory.mktemp("wheels")
    target = tmp_path_factory.mktemp("site")
    offline = ["--no-deps", "--no-index", "--quiet", "--disable-pip-version-check"]
    sources = [str(source) for source in SOURCES]
    pip("wheel", *offline, "--no-build-isolation", "--wheel-dir", str(wheels), *sources)
    pip("install", *offline, "--target", str(target), *[str(wheel) for wheel in wheels.glob("*.whl")])
    return target


def pip(*arguments: str) -> None:
    """Run this environment's pip."""
    finished = subprocess.run([sys.executable, "-m", "pip", *arguments], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr


@pytest.fixture
def ask(site: Path, tmp_path: Path) -> Ask:
    """Evaluate an expression over `plugins` in a fresh interpreter that has the site; its value as JSON."""

    def evaluate(expression: str) -> JsonValue:
        code = tmp_path / "ask.py"
        code.write_text(PROGRAM.format(expression=expression), encoding="utf-8")
        environment = os.environ | {"PYTHONPATH": f"{site}{os.pathsep}{Path.cwd()}", "CMCORE_FREEZE": "flights"}
        finished = subprocess.run(
            [sys.executable, str(code)], capture_output=True, text=True, check=False, env=environment
        )
        assert finished.returncode == 0, finished.stderr
        value: JsonValue = json.loads(finished.stdout)
        return value

    return evaluate


PROGRAM = """
import json, sys
from cmcore.events import Event, EventKind
from cmcore.hooks import RunRequest
from cmcore.hooks.discovery import Plugins
from cmcore.hooks.observers import Delivery
from cmcore.hooks.report import doctor, list_rows, show
from tests.unit.hooks.conftest import ListLog

OURS = ["echo", "freeze", "import-error", "old-api", "misspelt-hook", "thief", "raising-observer", "hanging-observer",
        "exits"]
plugins = Plugins.discover(builtin=[], allow=OURS)

def delivered():
    faults = []
    delivery = Delivery(ListLog(3), plugins.observers(), report=faults.append, deadline_s=0.5, poll_s=0.01)
    delivery.start()
    tallies = delivery.close(20)
    return {{
        "faults": sorted(str(fault) for fault in faults),
        "tallies": {{
            tally.plugin: {{"delivered": tally.delivered, "dropped": tally.dropped, "left": tally.left}}
            for tally in tallies
        }},
    }}

print(json.dumps({expression}))
"""
