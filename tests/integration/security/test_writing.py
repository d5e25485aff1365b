"""B3: names, links and records by which files were written where they do not belong, or over what others wrote."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from cmcore.address import Address
from cmcore.artifacts import LocalFolder, Model
from cmcore.datasets.manifest import DataEntry, DataManifest
from cmcore.datasets.names import Reference
from cmcore.errors import StorageError
from cmcore.registry.names import Reference as ModelReference
from cmcore.stack import Project
from cmcore.storage.store import PayloadStore
from tests.integration.security.arena import Arena
from tests.integration.security.corpus import FILES
from tests.integration.security.test_reading import BEHIND, HARMLESS, LINKS, spelled

pytestmark = pytest.mark.integration

WRITTEN: dict[str, Callable[[PayloadStore, Path], Callable[[str], object]]] = {
    "output, bytes": lambda store, _: (
        lambda name: store.output(Address(run="w", node="n"), "k").open(name, "wb").close()
    ),
    "output, text": lambda store, _: lambda name: store.output(Address(run="w", node="n"), "k").open(name, "w").close(),
    "output, appending": lambda store, _: (
        lambda name: store.output(Address(run="w", node="n"), "k").open(name, "ab").close()
    ),
    "local folder": lambda _, folder: lambda name: LocalFolder(folder).open(name, "wb").close(),
    "Artifact.at": lambda _, folder: lambda name: Model.at(folder).open(name, "w").close(),
    "Artifact.at, appending": lambda _, folder: lambda name: Model.at(folder).open(name, "a").close(),
}
MEANS_ITSELF = {*HARMLESS, "empty part", "dot part", "file URL", "home", "slash behind"}  # for a plain folder


@pytest.fixture
def within(arena: Arena, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Arena:
    """The arena with this test's own folder as the only place that may be written to."""
    monkeypatch.chdir(tmp_path)
    return replace(arena, project=tmp_path)


@pytest.mark.parametrize("case", [case for case in FILES if case not in MEANS_ITSELF])
@pytest.mark.parametrize("place", WRITTEN)
def test_a_hostile_name_of_a_file_is_not_written(
    arena: Arena, within: Arena, tmp_path: Path, place: str, case: str
) -> None:
    (tmp_path / "folder").mkdir()
    call = WRITTEN[place](PayloadStore(str(tmp_path / "artifacts")), tmp_path / "folder")
    within.assert_refused(within.at_python(lambda: call(spelled(arena, FILES[case]))))


@pytest.mark.parametrize("case", sorted(MEANS_ITSELF))
@pytest.mark.parametrize("place", WRITTEN)
def test_an_odd_name_of_a_file_is_written_inside_or_not_at_all(
    arena: Arena, within: Arena, tmp_path: Path, place: str, case: str
) -> None:
    (tmp_path / "folder").mkdir()
    call = WRITTEN[place](PayloadStore(str(tmp_path / "artifacts")), tmp_path / "folder")
    within.assert_unharmed(within.at_python(lambda: call(spelled(arena, FILES[case]))))


@pytest.mark.parametrize("link", [link for link in LINKS if link not in ("to a device", "to a descriptor")])
@pytest.mark.parametrize("place", WRITTEN)
def test_a_link_in_the_way_is_not_written_through(
    arena: Arena, within: Arena, tmp_path: Path, place: str, link: str
) -> None:
    (tmp_path / "folder").mkdir()
    store = PayloadStore(str(tmp_path / "artifacts"))
    folder = tmp_path / "folder"
    if place.startswith("output"):
        folder = store.output(Address(run="r", node="n"), "k").path
    LINKS[link](folder / "x", arena.canaries[2].path)
    reopened = {"output": lambda name: LocalFolder(folder).open(name, "wb").close()}
    call = reopened.get(place.partition(",")[0]) or WRITTEN[place](store, folder)
    outcome = within.at_python(lambda: call(BEHIND.get(link, "x")))
    within.assert_refused(outcome)


@pytest.mark.parametrize("link", ["to a file", "to a folder", "to the root", "to a device", "which is a pipe"])
def test_an_output_with_a_link_out_of_it_is_not_sealed(arena: Arena, within: Arena, tmp_path: Path, link: str) -> None:
    output = PayloadStore(str(tmp_path / "artifacts")).output(Address(run="r", node="n"), "model")
    LINKS[link](output.path / "x", arena.canaries[2].path)
    within.assert_refused(within.at_python(output.seal))


def test_an_output_is_begun_once(within: Arena, tmp_path: Path) -> None:
    store = PayloadStore(str(tmp_path / "artifacts"))
    store.output(Address(run="r", node="n"), "model").seal()
    within.assert_refused(within.at_python(lambda: store.output(Address(run="r", node="n"), "model")))


def test_what_is_sealed_is_not_written_to_again(within: Arena, tmp_path: Path) -> None:
    output = PayloadStore(str(tmp_path / "artifacts")).output(Address(run="r", node="n"), "model")
    output.seal()
    within.assert_refused(within.at_python(lambda: output.open("a", "wb")))


def test_an_input_is_never_written_to(arena: Arena, opened: Project) -> None:
    payload = opened.payloads.input(arena.uri, arena.digest)
    arena.assert_refused(arena.at_python(lambda: payload.open("weights.txt", "wb")))


def test_the_same_bytes_never_make_another_version(arena: Arena, opened: Project) -> None:
    known = opened.registry.version(ModelReference(model="words"))
    again = opened.registry.register("words", known.facts.model_copy(update={"uri": "file:///elsewhere"}))
    assert (again.version.number, again.version.facts.uri) == (known.number, known.facts.uri)


@pytest.fixture
def target(within: Arena, tmp_path: Path) -> Path:
    """A folder to check a version out into."""
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


@pytest.mark.parametrize("link", ["to a file", "to a file, relative", "to a folder", "to the root", "which is a pipe"])
@pytest.mark.parametrize("name", ["a.csv", ".cm-checkout"])
@pytest.mark.parametrize("force", ["--force", "--json"])
def test_a_checkout_writes_through_no_link(
    arena: Arena, target: Path, capfd: pytest.CaptureFixture[str], link: str, name: str, force: str
) -> None:
    LINKS[link](target / name, arena.canaries[2].path)
    outcome = arena.at_cli(["data", "checkout", "rows@1", str(target), force], capfd)
    replace(arena, project=arena.root.parent).assert_unharmed(outcome)
    assert "a,b" not in arena.canaries[2].path.read_text()
    arena.canaries[2].rearm()


HOSTILE_PATHS = [
    "../evil.csv", "../../CANARY/evil.csv", "/tmp/evil.csv", "a/../../evil.csv", "./evil.csv", "a//evil.csv", "", ".",
    "..", "evil\0.csv", "evil\n.csv", "\ud800.csv",
]  # fmt: skip


def manifest_with(path: str) -> str:
    """A stored manifest of one empty file."""
    empty = sha256(b"").hexdigest()
    return json.dumps({"format": "cmcore data 1", "files": [{"path": path, "size": 0, "sha256": empty}]})


@pytest.mark.parametrize("path", HOSTILE_PATHS)
def test_a_manifest_of_data_with_a_hostile_path_is_refused(arena: Arena, path: str) -> None:
    outcome = arena.at_python(lambda: DataManifest.parse(manifest_with(path).encode("utf-8", "surrogatepass"), "here"))
    arena.assert_refused(outcome)


@pytest.mark.parametrize("path", [path for path in HOSTILE_PATHS if path.isprintable()])
def test_a_checkout_of_a_hostile_path_writes_nothing(
    arena: Arena, opened: Project, target: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    version = opened.datasets.get(Reference(dataset="rows"))
    entry = DataEntry(path=path, size=0, sha256=sha256(b"").hexdigest())
    monkeypatch.setattr(opened.datasets, "manifest", lambda _: DataManifest.of([entry]))
    own = replace(arena, project=target)
    own.assert_refused(own.at_python(lambda: opened.datasets.checkout(version, target / "a" / "new")))


def test_a_store_under_a_link_is_refused(tmp_path: Path) -> None:
    store = PayloadStore(str(tmp_path / "artifacts"))
    output = store.output(Address(run="r", node="n"), "model")
    output.seal()
    (tmp_path / "artifacts" / "r").rename(tmp_path / "r")
    (tmp_path / "artifacts" / "r").symlink_to(tmp_path / "r")
    with pytest.raises(StorageError, match="a link leads to"):
        store.input(output.uri, None).path  # noqa: B018 # a property that reads
