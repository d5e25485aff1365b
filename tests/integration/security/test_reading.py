"""B2: paths and URIs by which artifacts of others, and files of the machine, were read."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from cmcore.address import Address
from cmcore.artifacts import LocalFolder, Model
from cmcore.errors import CmError
from cmcore.registry.evidence import Readable
from cmcore.stack import Project
from cmcore.storage.payload import InputPayload
from cmcore.storage.store import PayloadStore
from cmcore.storage.verify import VerifyMode
from tests.integration.security.arena import Arena
from tests.integration.security.corpus import FILES, URIS

pytestmark = pytest.mark.integration

SWAPS = 10_000
HARMLESS = {"percent-encoded", "backslashes"}  # such a file may well exist: it means itself
NOT_GIVEN = {"empty"}  # an option that was not given


def spelled(arena: Arena, text: str) -> str:
    """A case of the corpus with the arena's own places in it."""
    places = {
        "uri": arena.uri, "root": f"file://{arena.artifacts}", "run": arena.run, "canary": str(arena.canaries[2].path)
    }  # fmt: skip
    for name, place in places.items():
        text = text.replace(f"{{{name}}}", place)
    return text


AT_CLI: dict[str, Callable[[str], Sequence[str]]] = {
    "lineage": lambda uri: ["lineage", "--", uri],
    "lineage --up": lambda uri: ["lineage", "--up", "--", uri],
    "why": lambda uri: ["why", "--", uri],
    "register": lambda uri: ["register", "--as", "other", "--", uri],
    "register --evaluation": lambda uri: ["register", "words-nothing/train/model", f"--evaluation={uri}"],
    "pin": lambda uri: ["pin", "--", uri],
    "show": lambda uri: ["show", "--", uri],
    "logs": lambda uri: ["logs", "--", uri],
    "run": lambda uri: ["run", "--", uri],
    "plan": lambda uri: ["plan", "--", uri],
    "data snapshot --schema": lambda uri: ["data", "snapshot", "--name", "other", f"--schema={uri}", "rows"],
}


@pytest.mark.parametrize("case", [case for case in URIS if case not in NOT_GIVEN])
@pytest.mark.parametrize("place", AT_CLI)
def test_a_hostile_uri_is_refused_at_the_command_line(
    arena: Arena, capfd: pytest.CaptureFixture[str], place: str, case: str
) -> None:
    arena.assert_refused(arena.at_cli(AT_CLI[place](spelled(arena, URIS[case])), capfd))


AT_PYTHON: dict[str, Callable[[Project, str, str], object]] = {
    "input.path": lambda project, uri, digest: project.payloads.input(uri, digest).path,
    "input.open": lambda project, uri, digest: project.payloads.input(uri, digest).open("CANARY.txt").read(),
    "manifest": lambda project, uri, _: project.payloads.manifest(uri),
    "remove": lambda project, uri, _: project.payloads.remove(uri),
}


@pytest.mark.parametrize("case", URIS)
@pytest.mark.parametrize("place", AT_PYTHON)
def test_a_hostile_uri_is_refused_in_python(arena: Arena, opened: Project, place: str, case: str) -> None:
    uri = spelled(arena, URIS[case])
    arena.assert_refused(arena.at_python(lambda: AT_PYTHON[place](opened, uri, arena.digest)))


@pytest.mark.parametrize("case", URIS)
def test_a_hostile_uri_is_never_verified(arena: Arena, opened: Project, case: str) -> None:
    verdict = opened.payloads.verify(spelled(arena, URIS[case]), arena.digest, VerifyMode.DIGEST)
    assert (verdict.ok, arena.canaries[2].untouched) == (False, True)


@pytest.mark.parametrize("uri", ["file:///a\0b", "/a\0b", "file:///a%00b", "/a\ud800b"])
def test_a_place_that_no_file_system_has_is_refused_as_imported_data_too(
    arena: Arena, opened: Project, uri: str
) -> None:
    arena.assert_refused(arena.at_python(lambda: opened.payloads.fingerprint(uri)))


IMPORTED: dict[str, str] = {
    "relative path out of the project": "../../CANARY.txt/..",
    "file URL with a host": "file://evil/etc/passwd",
    "http fragment (MLflow CVE-2024-3848)": "http:///#/../../../../../etc/passwd",
    "unknown scheme": "gopher://127.0.0.1/x",
    "NUL": "\\0",
    "NUL, percent-encoded": "file:///etc/passwd%00.csv",
    "a pipe of the shell": "|touch CANARY_EXECUTED",
}  # fmt: skip
IMPORTER = 'kind: Pipeline\nname: attack\nnodes:\n  raw:\n    importer: {{uri: "{uri}", type: Files}}\n'


@pytest.mark.parametrize("case", IMPORTED)
def test_an_importer_of_what_is_no_place_fails_in_good_order(
    arena: Arena, capfd: pytest.CaptureFixture[str], tmp_path: Path, case: str
) -> None:
    document = tmp_path / "attack.yaml"
    document.write_text(IMPORTER.format(uri=IMPORTED[case]))
    outcome = arena.at_cli(["plan", str(document)], capfd)
    assert outcome.code in (0, 64, 65, 66, 74), outcome.said  # a plan only predicts: what cannot be read is unknown
    arena.assert_unharmed(outcome)


OPENED: dict[str, Callable[[Arena, Project], Callable[[str], object]]] = {
    "input": lambda arena, project: project.payloads.input(arena.uri, arena.digest).open,
    "registered artifact": lambda arena, project: (
        Readable.recorded(project.lineage.artifacts_by_uri(arena.uri)[0], project.payloads).payload.open
    ),
    "local folder": lambda arena, _: LocalFolder(arena.project / "rows").open,
    "Artifact.at": lambda arena, _: Model.at(arena.project / "rows").open,
}


@pytest.mark.parametrize("case", FILES)
@pytest.mark.parametrize("place", OPENED)
def test_a_hostile_name_of_a_file_is_refused(arena: Arena, opened: Project, place: str, case: str) -> None:
    call = OPENED[place](arena, opened)
    arena.assert_refused(arena.at_python(lambda: call(spelled(arena, FILES[case]))))


LINKS: dict[str, Callable[[Path, Path], object]] = {
    "to a file": lambda link, canary: link.symlink_to(canary),
    "to a file, relative": lambda link, canary: link.symlink_to(os.path.relpath(canary, link.parent)),
    "to a folder": lambda link, canary: link.symlink_to(canary.parent),
    "to the root": lambda link, _: link.symlink_to("/"),
    "through procfs": lambda link, canary: link.symlink_to(f"/proc/self/root{canary}"),
    "to a descriptor": lambda link, _: link.symlink_to("/proc/self/environ"),
    "to itself": lambda link, _: link.symlink_to(link),
    "to a device": lambda link, _: link.symlink_to("/dev/zero"),
    "which is a pipe": lambda link, _: os.mkfifo(link),
}
BEHIND = {"to a folder": "x/CANARY.txt", "to the root": "x/etc/hostname"}


@pytest.fixture
def planted(arena: Arena, tmp_path: Path) -> PayloadStore:
    """A store with one sealed payload, in which an attacker then plants things."""
    store = PayloadStore(str(tmp_path / "artifacts"))
    output = store.output(Address(run="r", node="n"), "model")
    with output.open("a.txt", "wb") as stream:
        stream.write(b"mine")
    output.seal()
    return store


def payload_of(store: PayloadStore) -> InputPayload:
    """The payload of the planted store."""
    uri = store.uri_of(Address(run="r", node="n"), "model")
    return store.input(uri, store.manifest(uri).digest)


@pytest.mark.parametrize("place", ["payload", "local folder"])
@pytest.mark.parametrize("link", LINKS)
def test_a_link_planted_in_a_payload_is_not_followed_out_of_it(
    arena: Arena, planted: PayloadStore, link: str, place: str
) -> None:
    payload = payload_of(planted)
    LINKS[link](payload.path / "x", arena.canaries[2].path)
    reader = {"payload": payload.open, "local folder": LocalFolder(payload.path).open}[place]
    arena.assert_refused(arena.at_python(lambda: reader(BEHIND.get(link, "x")).read()))


@pytest.mark.parametrize("link", LINKS)
def test_a_payload_with_a_planted_link_is_not_what_was_sealed(arena: Arena, planted: PayloadStore, link: str) -> None:
    payload = payload_of(planted)
    LINKS[link](payload.path / "x", arena.canaries[2].path)
    verdict = planted.verify(payload.uri, str(payload.digest), VerifyMode.DIGEST)
    assert (verdict.ok, arena.canaries[2].untouched) == (False, True)


@pytest.mark.parametrize("level", [1, 2, 3, 4, 5])
def test_a_folder_above_a_payload_that_became_a_link_is_not_followed(
    arena: Arena, planted: PayloadStore, tmp_path: Path, level: int
) -> None:
    payload = payload_of(planted)
    above = payload.path.parents[level - 2] if level > 1 else payload.path
    elsewhere = tmp_path / "elsewhere"
    above.rename(elsewhere)
    above.symlink_to(elsewhere)
    fresh = planted.input(payload.uri, payload.digest)
    arena.assert_refused(arena.at_python(lambda: fresh.open("a.txt").read()))


@contextmanager
def swapping(target: Path, good: Path, bad: Path) -> Iterator[None]:
    """A file that is now itself, now a link to something else, as fast as another thread can make it so."""
    ended = threading.Event()

    def swap() -> None:
        turn = 0
        while not ended.is_set():
            aside = target.with_name(f".aside{turn % 2}")
            aside.symlink_to(bad) if turn % 2 else os.link(good, aside)
            aside.rename(target)
            turn += 1

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def read_often(reader: Callable[[str], object], times: int) -> set[bytes]:
    """Everything that came of reading a file so many times."""
    found: set[bytes] = set()
    for _ in range(times):
        try:
            with reader("a.txt") as stream:  # type: ignore[attr-defined] # a stream
                found.add(stream.read())
        except CmError:
            found.add(b"refused")
    return found


@pytest.mark.parametrize("place", ["payload", "local folder"])
def test_swapping_a_file_for_a_link_while_it_is_opened_gains_nothing(
    planted: PayloadStore, tmp_path: Path, place: str
) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "good").write_bytes(b"mine")
    payload = payload_of(planted)
    reader = {"payload": payload.open, "local folder": LocalFolder(payload.path).open}[place]
    with swapping(payload.path / "a.txt", tmp_path / "good", tmp_path / "secret"):
        assert read_often(reader, SWAPS) == {b"mine", b"refused"}
