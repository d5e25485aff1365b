"""A run reproduced where a package has another version by now: in real environments, from a real index folder."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Callable
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from cmcore.provenance.reproduction import venv
from tests.integration.provenance.project_of_words import Loud, changed, committed, copied, nodes, verdicts

pytestmark = pytest.mark.integration

THEN, NOW = "1.0", "2.0"


def wheel(folder: Path, version: str) -> None:
    """A wheel of `cm-tiny` with nothing in it but its name and version."""
    info = f"cm_tiny-{version}.dist-info"
    files = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: cm-tiny\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "cm_tiny.py": f"VERSION = {version!r}\n",
    }
    lines = [f"{name},sha256={digest(text)},{len(text)}" for name, text in files.items()]
    with zipfile.ZipFile(folder / f"cm_tiny-{version}-py3-none-any.whl", "w") as archive:
        for name, text in {**files, f"{info}/RECORD": "\n".join([*lines, f"{info}/RECORD,,", ""])}.items():
            archive.writestr(name, text)


def digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def needed_by(*names: str) -> set[str]:
    """These distributions and everything that they require here."""
    found: set[str] = set()
    pending = list(names)
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            required = map(Requirement, distribution(name).requires or ())
            pending += [canonicalize_name(it.name) for it in required if not it.marker or it.marker.evaluate()]
    return found


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What makes installers look in a folder with two wheels, and nowhere else."""
    folder = tmp_path_factory.mktemp("index")
    for version in (THEN, NOW):
        wheel(folder, version)
    return {
        "UV_FIND_LINKS": str(folder), "UV_NO_INDEX": "1", "UV_CACHE_DIR": str(folder / "cache"),
        "PIP_FIND_LINKS": str(folder), "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }  # fmt: skip


@pytest.fixture(scope="module")
def python_with(index: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """An interpreter with what cmcore needs, as it is installed here, and one version of `cm-tiny`."""
    here = venv.installed()
    versions = {name: here[name].version for name in needed_by("cmcore", "pip")}

    def made(version: str) -> Path:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in index.items():
                patch.setenv(name, value)
            return venv.build(tmp_path_factory.mktemp("env") / "venv", {**versions, "cm-tiny": version}, here)

    return made


@pytest.fixture(scope="module")
def upgraded(
    python_with: Callable[[str], Path], index: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Loud, str]:
    """The project with the upgraded package, and a run from before."""
    project = copied(tmp_path_factory.mktemp("upgraded") / "loud")
    committed(project)
    project.say("hello")
    then, now = (
        Loud(folder=project.folder, cm=(str(python_with(version)), "-m", "cmcore.cli.main"), environment=index)
        for version in (THEN, NOW)
    )
    return now, then.run()


@pytest.fixture(scope="module")
def rebuilt(upgraded: tuple[Loud, str]) -> dict[str, Any]:
    """The report of a reproduction that says nothing of packages."""
    project, run = upgraded
    return project.reproduced(run)


def test_the_recorded_packages_are_rebuilt_where_they_differ(rebuilt: dict[str, Any]) -> None:
    assert (rebuilt["packages"], verdicts(rebuilt)["installed"]) == ("recorded", "equal")


def test_in_the_rebuilt_environment_every_package_is_as_it_was(rebuilt: dict[str, Any]) -> None:
    assert changed(rebuilt) == []


@pytest.fixture(scope="module")
def current(upgraded: tuple[Loud, str]) -> dict[str, Any]:
    """The report of a reproduction with the packages of now."""
    project, run = upgraded
    return project.reproduced(run, "--environment", "current")


def test_the_packages_of_now_may_be_asked_for_and_what_differs_is_named(current: dict[str, Any]) -> None:
    assert [each for each in current["not_held"] if each["what"] == "cm-tiny"] == [
        {"what": "cm-tiny", "then": THEN, "now": NOW}
    ]


def test_a_node_that_differs_is_not_called_nondeterministic_then(current: dict[str, Any]) -> None:
    installed = nodes(current)["installed"]
    assert (installed["verdict"], "not everything could be held" in installed["reason"]) == ("differs", True)


def test_a_package_that_no_index_has_is_named_with_the_way_out(upgraded: tuple[Loud, str]) -> None:
    project, run = upgraded
    empty = {**project.environment, "UV_FIND_LINKS": "", "PIP_FIND_LINKS": ""}
    told = Loud(folder=project.folder, cm=project.cm, environment=empty).call("reproduce", run, code=78).stderr
    assert ("cm-tiny==1.0" in told, "--environment current" in told) == (True, True)
