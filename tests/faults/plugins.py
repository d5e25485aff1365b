"""Scenario: bad plugins are installed as wheels; runs go on beside them, and the doctor names each with its reason."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.faults.inspector import Inspector, runs_of
from tests.faults.processes import ROOT, Place, new_place, orphans
from tests.faults.tally import LOST, ORPHAN, OTHER, Tally

SOURCES = ROOT / "tests/integration/plugins"
FLIGHTS = ROOT / "examples/flights"
REASONS = {
    "import-error": "No module named",
    "old-api": "plugin API",
    "misspelt-hook": "there is no hook",
    "thief": "is already given by plugin",
    "exits": "SystemExit",
    "raising-observer": "cannot bear",
    "hanging-observer": "did not return within",
}


def bad_plugins(folder: Path, *, demo: bool) -> Tally:
    """A small pipeline, and with `demo` the flights, with every bad plugin on the path."""
    tally = Tally(name="bad plugins")
    folder.mkdir(parents=True, exist_ok=True)
    site = installed(folder)
    place = new_place(folder / "small")
    run(tally, place, site, "six.py")
    with Inspector() as inspector:
        tally.found(inspector.violations(place, list(runs_of(place))))
    consult(tally, place, site)
    if demo:
        flights = Place(folder=folder / "flights")
        shutil.copytree(FLIGHTS, flights.folder, ignore=shutil.ignore_patterns(".cm", "__pycache__", "pushed"))
        flights.outside.mkdir()
        if not (flights.folder / "data").is_dir():
            subprocess.run([sys.executable, "prepare.py"], cwd=flights.folder, check=True, capture_output=True)
        run(tally, flights, site, "pipeline.yaml")
    return tally


def installed(folder: Path) -> Path:
    """The plugins built into wheels and installed into a folder, by pip and without network."""
    wheels, site = folder / "wheels", folder / "site"
    offline = ["--no-deps", "--no-index", "--quiet", "--disable-pip-version-check"]
    sources = [str(path) for path in sorted([*(SOURCES / "bad").iterdir(), SOURCES / "good/echo"]) if path.is_dir()]
    copies = [str(shutil.copytree(source, folder / "sources" / Path(source).name)) for source in sources]
    pip("wheel", *offline, "--no-build-isolation", "--wheel-dir", str(wheels), *copies)
    pip("install", *offline, "--target", str(site), *map(str, wheels.glob("*.whl")))
    return site


def pip(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "pip", *words], check=True, capture_output=True)


def cm(place: Place, site: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """One command beside the bad plugins."""
    more: Mapping[str, str] = {"PYTHONPATH": f"{site}{os.pathsep}{ROOT}"}
    return subprocess.run(
        [sys.executable, "-m", "cmcore.cli.main", "--project", str(place.folder), *words],
        capture_output=True, text=True, check=False, cwd=place.folder, env=place.environment(more), timeout=1200,
    )  # fmt: skip


def run(tally: Tally, place: Place, site: Path, pipeline: str) -> None:
    """A run has to succeed, leave nobody behind, and say which observers broke."""
    finished = cm(place, site, "run", pipeline)
    tally.done["runs"] += 1
    if finished.returncode != 0 or "Traceback" in finished.stderr:
        tally.blame(LOST, f"{pipeline}: exit code {finished.returncode}: {finished.stderr[-1000:]}")
    for observer in ("raising-observer", "hanging-observer"):
        tally.done["observers named by a run"] += observer in finished.stderr
        if observer not in finished.stderr:
            tally.blame(OTHER, f"{pipeline}: the run does not say that {observer} broke: {finished.stderr[-500:]}")
    for pid, command in orphans(place).items():
        tally.blame(ORPHAN, f"process {pid} outlived the run: {command}")


def consult(tally: Tally, place: Place, site: Path) -> None:
    """Every bad plugin is named with its reason."""
    finished = cm(place, site, "plugins", "doctor", "--json")
    findings = json.loads(finished.stdout) if finished.returncode in (0, 1) else []
    for plugin, reason in REASONS.items():
        told = [str(it["message"]) for it in findings if it["plugin"] == plugin]
        tally.done["plugins named with their reason"] += any(reason in text for text in told)
        if not any(reason in text for text in told):
            tally.blame(OTHER, f"the doctor says of {plugin}: {told or 'nothing'}; wanted {reason!r}")
