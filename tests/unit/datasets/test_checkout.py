"""What a checkout would do, and that nothing is lost by it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmcore.datasets.checkout import Present, Steps, steps
from cmcore.datasets.manifest import Chunk, DataEntry, DataManifest, name_of
from cmcore.datasets.names import Reference
from cmcore.datasets.store import Datasets
from cmcore.datasets.version import Version
from cmcore.errors import RefusedError, StorageError, UsageError
from tests.unit.datasets.folders import read, write

PATHS, CONTENTS = ["a", "b", "c/d"], [b"1", b"2", b"3"]
KNOWN = {(path, name_of(content)) for path in PATHS for content in CONTENTS}
WANTED = st.dictionaries(st.sampled_from(PATHS), st.sampled_from(CONTENTS))
THERE = st.dictionaries(st.sampled_from([*PATHS, "e"]), st.sampled_from([*CONTENTS, b"mine", b"yours"]))


def manifest(files: dict[str, bytes]) -> DataManifest:
    return DataManifest.of(
        DataEntry(
            path=path, size=len(content), sha256=name_of(content),
            chunks=(Chunk(sha256=name_of(content), size=len(content)),),
        )
        for path, content in files.items()
    )  # fmt: skip


def todo(wanted: dict[str, bytes], there: dict[str, bytes]) -> Steps:
    present = [Present(path=path, digest=name_of(content)) for path, content in there.items()]
    return steps(manifest(wanted), present, KNOWN)


def outcome(found: Steps) -> tuple[list[str], list[str], list[str], list[str], list[str]]:
    written = [file.path for file in found.write]
    return written, list(found.keep), list(found.remove), list(found.lost), list(found.strangers)


@pytest.mark.parametrize(
    ("wanted", "there", "expected"),
    [
        ({"a": b"1"}, {}, (["a"], [], [], [], [])),
        ({"a": b"1"}, {"a": b"1"}, ([], ["a"], [], [], [])),
        ({"a": b"1"}, {"a": b"2"}, (["a"], [], [], [], [])),
        ({"a": b"1"}, {"a": b"mine"}, (["a"], [], [], ["a"], [])),
        ({}, {"a": b"2"}, ([], [], ["a"], [], [])),
        ({}, {"a": b"mine"}, ([], [], [], [], ["a"])),
        ({}, {"e": b"2"}, ([], [], [], [], ["e"])),
    ],
    ids=["absent", "equal", "another version's", "changed", "superfluous", "a stranger", "a copy elsewhere"],
)
def test_a_file_that_is(wanted: dict[str, bytes], there: dict[str, bytes], expected: tuple[list[str], ...]) -> None:
    assert outcome(todo(wanted, there)) == expected


def test_a_link_in_the_place_of_a_file_would_be_lost() -> None:
    found = steps(manifest({"a": b"1"}), [Present(path="a")], KNOWN)
    assert found.lost == ("a",)


def test_a_file_that_must_not_be_executed_is_written_again() -> None:
    found = steps(manifest({"a": b"1"}), [Present(path="a", digest=name_of(b"1"), executable=True)], KNOWN)
    assert outcome(found) == (["a"], [], [], [], [])


@given(WANTED, THERE)
def test_unless_something_is_lost_or_strange_the_folder_is_the_version_afterwards(
    wanted: dict[str, bytes], there: dict[str, bytes]
) -> None:
    found = todo(wanted, there)
    after = {path: content for path, content in there.items() if path not in found.remove}
    after |= {file.path: wanted[file.path] for file in found.write}
    assert {path: content for path, content in after.items() if path not in found.strangers} == wanted


@given(WANTED, THERE)
def test_what_no_version_has_is_lost_or_strange_never_removed(
    wanted: dict[str, bytes], there: dict[str, bytes]
) -> None:
    found = todo(wanted, there)
    mine = {path for path, content in there.items() if (path, name_of(content)) not in KNOWN}
    assert {*found.lost, *found.strangers} == mine
    assert not {*found.remove} & mine


@pytest.fixture
def first(datasets: Datasets, folder: Path) -> Version:
    return datasets.snapshot(folder, "d").version


@pytest.fixture
def second(datasets: Datasets, folder: Path, first: Version) -> Version:
    write(folder, {"a.csv": "x\n9\n", "new.csv": "x\n"})
    (folder / "more" / "b.csv").unlink()
    return datasets.snapshot(folder, "d").version


def test_a_new_folder_is_the_version(datasets: Datasets, first: Version, folder: Path, tmp_path: Path) -> None:
    datasets.checkout(first, tmp_path / "deep" / "out")
    assert read(tmp_path / "deep" / "out") == read(folder)


def test_nothing_else_is_left_behind(datasets: Datasets, first: Version, tmp_path: Path) -> None:
    (tmp_path / "around").mkdir()
    datasets.checkout(first, tmp_path / "around" / "out")
    assert [path.name for path in (tmp_path / "around").iterdir()] == ["out"]


def test_another_version_is_replaced(
    datasets: Datasets, first: Version, second: Version, folder: Path, tmp_path: Path
) -> None:
    datasets.checkout(first, tmp_path / "out")
    done = datasets.checkout(second, tmp_path / "out")
    assert read(tmp_path / "out") == read(folder)
    assert (done.written, done.kept, done.removed) == (2, 0, 1)


def test_empty_folders_do_not_stay(datasets: Datasets, first: Version, second: Version, tmp_path: Path) -> None:
    datasets.checkout(first, tmp_path / "out")
    datasets.checkout(second, tmp_path / "out")
    assert not (tmp_path / "out" / "more").exists()


def test_a_changed_file_is_not_overwritten(datasets: Datasets, first: Version, tmp_path: Path) -> None:
    datasets.checkout(first, tmp_path / "out")
    write(tmp_path / "out", {"a.csv": "mine"})
    with pytest.raises(RefusedError, match=r"a\.csv was changed.*"):
        datasets.checkout(first, tmp_path / "out")
    assert read(tmp_path / "out")["a.csv"] == b"mine"


def test_a_strange_file_stops_it_too(datasets: Datasets, first: Version, tmp_path: Path) -> None:
    write(tmp_path / "out", {"diary.txt": "mine"})
    with pytest.raises(RefusedError, match=r"diary\.txt is in no version"):
        datasets.checkout(first, tmp_path / "out")
    assert read(tmp_path / "out") == {"diary.txt": b"mine"}


def test_by_force_changed_files_are_overwritten_and_strange_ones_stay(
    datasets: Datasets, first: Version, folder: Path, tmp_path: Path
) -> None:
    write(tmp_path / "out", {"a.csv": "mine", "diary.txt": "mine"})
    done = datasets.checkout(first, tmp_path / "out", force=True)
    assert read(tmp_path / "out") == {**read(folder), "diary.txt": b"mine"}
    assert done.strangers == ("diary.txt",)


def test_by_force_copies_that_lie_elsewhere_stay(
    datasets: Datasets, first: Version, folder: Path, tmp_path: Path
) -> None:
    """Another file of the same content is not the version's: an empty `__init__.py` is like any empty file."""
    copies = {"copy.csv": b"x\n1\n2\n", "deep/a.csv": b"x\n1\n2\n"}
    write(tmp_path / "out", dict(copies))
    done = datasets.checkout(first, tmp_path / "out", force=True)
    assert read(tmp_path / "out") == {**read(folder), **copies}
    assert (done.removed, set(done.strangers)) == (0, set(copies))


def test_files_of_another_dataset_stay(datasets: Datasets, first: Version, folder: Path, tmp_path: Path) -> None:
    other = datasets.snapshot(write(tmp_path / "other", {"b.csv": "y\n"}), "other").version
    datasets.checkout(other, tmp_path / "out")
    datasets.checkout(first, tmp_path / "out", force=True)
    assert read(tmp_path / "out") == {**read(folder), "b.csv": b"y\n"}


def test_a_folder_that_holds_the_store_is_refused(datasets: Datasets, first: Version, tmp_path: Path) -> None:
    before = read(tmp_path)
    with pytest.raises(StorageError, match="holds the chunk store"):
        datasets.checkout(first, tmp_path, force=True)
    assert read(tmp_path) == before


def test_a_folder_in_the_store_is_refused(datasets: Datasets, first: Version) -> None:
    with pytest.raises(StorageError, match="or lies in it"):
        datasets.checkout(first, datasets.chunks.root / "chunks", force=True)


@pytest.mark.parametrize("below", ["", ".cm", ".cm/deep"])
def test_a_folder_that_holds_a_project_s_state_or_lies_in_it_is_refused(
    datasets: Datasets, first: Version, tmp_path: Path, below: str
) -> None:
    write(tmp_path / "project", {".cm/state.db": "state"})
    with pytest.raises(StorageError, match=r"holds the folder '\.cm'"):
        datasets.checkout(first, tmp_path / "project" / below, force=True)


def test_many_reasons_are_cut_short(datasets: Datasets, first: Version, tmp_path: Path) -> None:
    write(tmp_path / "out", {f"{number}.txt": "mine" for number in range(30)})
    with pytest.raises(RefusedError, match="and 20 more") as refused:
        datasets.checkout(first, tmp_path / "out")
    assert len(refused.value.reasons) == 11


def test_a_file_in_the_place_of_the_folder_is_refused(datasets: Datasets, first: Version, tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    with pytest.raises(UsageError, match="is a file"):
        datasets.checkout(first, tmp_path / "out")


def test_a_damaged_chunk_changes_nothing(datasets: Datasets, first: Version, second: Version, tmp_path: Path) -> None:
    datasets.checkout(first, tmp_path / "out")
    before = read(tmp_path / "out")
    lost = datasets.manifest(second).files[0].chunks[0].sha256
    (datasets.chunks.root / "chunks" / lost[:2] / lost[2:]).unlink()
    with pytest.raises(StorageError, match="is lost"):
        datasets.checkout(second, tmp_path / "out")
    assert {path: held for path, held in read(tmp_path / "out").items() if ".cm-checkout" not in path} == before


def test_no_new_folder_appears_where_a_chunk_is_lost(datasets: Datasets, first: Version, tmp_path: Path) -> None:
    lost = datasets.manifest(first).files[0].chunks[0].sha256
    (datasets.chunks.root / "chunks" / lost[:2] / lost[2:]).unlink()
    with pytest.raises(StorageError, match="is lost"):
        datasets.checkout(first, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_interrupted_one_goes_on_where_it_stopped(datasets: Datasets, first: Version, tmp_path: Path) -> None:
    def interrupt(_: int) -> None:
        counts.append(1)
        if len(counts) == 2:
            raise KeyboardInterrupt

    counts: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        datasets.checkout(first, tmp_path / "out", progress=interrupt)
    written = list((tmp_path).glob(".out.cm-*/.cm-checkout/*"))
    datasets.checkout(first, tmp_path / "out")
    assert len(written) == 1
    assert sorted(path.name for path in tmp_path.glob("*out*")) == ["out"]


def test_a_linked_folder_means_the_folder_behind_it(
    datasets: Datasets, first: Version, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    datasets.checkout(first, tmp_path / "link")
    assert read(tmp_path / "real") == read(folder)


def test_a_version_taken_of_a_checkout_is_the_same_version(datasets: Datasets, first: Version, tmp_path: Path) -> None:
    datasets.checkout(first, tmp_path / "out")
    again = datasets.snapshot(tmp_path / "out", "d")
    assert (again.new, again.version) == (False, datasets.get(Reference(dataset="d")))
