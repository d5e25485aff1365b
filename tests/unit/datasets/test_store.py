"""Versions: when there is a new one, what is known of it, and what is told of it."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from cmcore.datasets.file import DataFile
from cmcore.datasets.format import ForeignData
from cmcore.datasets.names import Reference
from cmcore.datasets.store import About, Datasets
from cmcore.datasets.version import Attached, Version
from cmcore.errors import LeaseHeldError, LineageError, NotFoundError, StorageError, UsageError
from cmcore.events import EventKind
from cmcore.lineage.memory import MemoryLineage
from cmcore.lineage.record import ExecutionRecord
from cmcore.state.database import StateDatabase
from cmcore.state.journal import Journal
from cmcore.state.lease import COLLECTION, Holder, Leases
from tests.unit.datasets.folders import NOW, write

SCHEMA = Attached(name="run/schema/1/schema/0", digest="sha256:1")


def test_the_first_snapshot_is_version_1(datasets: Datasets, folder: Path) -> None:
    made = datasets.snapshot(folder, "shop", About(message="all of it"))
    version = made.version
    assert made.new
    assert (version.reference, version.files, version.size, version.rows) == ("shop@1", 2, 10, 3)
    assert (version.message, version.actor, version.created_at, version.span) == ("all of it", "ada", NOW, None)
    assert version.source == folder.as_uri()


def test_equal_data_make_no_new_version(datasets: Datasets, folder: Path) -> None:
    first = datasets.snapshot(folder, "shop")
    again = datasets.snapshot(folder, "shop", About(message="again"))
    assert (again.new, again.version) == (False, first.version)


def test_a_change_of_mode_makes_the_next_version(datasets: Datasets, folder: Path) -> None:
    first = datasets.snapshot(folder, "shop").version
    (folder / "a.csv").chmod(0o755)
    second = datasets.snapshot(folder, "shop").version
    assert (second.version, second.digest) == (2, first.digest)


def test_changed_data_make_the_next_version(datasets: Datasets, folder: Path) -> None:
    datasets.snapshot(folder, "shop")
    write(folder, {"a.csv": "x\n"})
    assert datasets.snapshot(folder, "shop").version.version == 2


def test_data_that_are_as_they_once_were_make_a_new_version(datasets: Datasets, folder: Path) -> None:
    first = datasets.snapshot(folder, "shop").version
    write(folder, {"a.csv": "x\n"})
    datasets.snapshot(folder, "shop")
    write(folder, {"a.csv": "x\n1\n2\n"})
    third = datasets.snapshot(folder, "shop").version
    assert (third.version, third.digest) == (3, first.digest)


def test_datasets_count_for_themselves(datasets: Datasets, folder: Path) -> None:
    datasets.snapshot(folder, "shop")
    assert datasets.snapshot(folder, "other").version.version == 1


def test_a_span_is_compared_with_its_own_newest_version(datasets: Datasets, folder: Path) -> None:
    one = datasets.snapshot(folder, "shop", About(span=1)).version
    write(folder, {"a.csv": "x\n"})
    two = datasets.snapshot(folder, "shop", About(span=2)).version
    write(folder, {"a.csv": "x\n1\n2\n"})
    again = datasets.snapshot(folder, "shop", About(span=1))
    assert (one.version, two.version, again.new, again.version) == (1, 2, False, one)


def test_two_spans_may_have_equal_data(datasets: Datasets, folder: Path) -> None:
    datasets.snapshot(folder, "shop", About(span=1))
    assert datasets.snapshot(folder, "shop", About(span=2)).new


@pytest.mark.parametrize(
    ("text", "expected"), [("shop", 3), ("shop@latest", 3), ("shop@1", 1), ("shop@span:1", 1), ("shop@span:2", 2)]
)
def test_a_reference_means(datasets: Datasets, folder: Path, text: str, expected: int) -> None:
    datasets.snapshot(folder, "shop", About(span=1))
    datasets.snapshot(folder, "shop", About(span=2))
    datasets.snapshot(folder, "shop")
    assert datasets.get(Reference.parse(text)).version == expected


def test_a_version_that_does_not_exist_is_refused_with_those_that_do(datasets: Datasets, folder: Path) -> None:
    datasets.snapshot(folder, "shop", About(span=4))
    with pytest.raises(NotFoundError, match="shop@2 does not exist; shop has versions 1 to 1, spans 4"):
        datasets.get(Reference.parse("shop@2"))


def test_a_dataset_that_does_not_exist_is_refused_with_one_like_it(datasets: Datasets, folder: Path) -> None:
    datasets.snapshot(folder, "shop")
    with pytest.raises(NotFoundError, match=r"no dataset 'shep'; there are shop; did you mean 'shop'\?"):
        datasets.get(Reference.parse("shep"))


def test_without_any_dataset_the_way_to_the_first_is_shown(datasets: Datasets) -> None:
    with pytest.raises(NotFoundError, match="cm data snapshot PATH --name NAME"):
        datasets.get(Reference.parse("shop"))


def test_versions_are_listed_by_name_the_newest_first(datasets: Datasets, folder: Path) -> None:
    datasets.snapshot(folder, "shop")
    datasets.snapshot(folder, "art")
    write(folder, {"a.csv": "x\n"})
    datasets.snapshot(folder, "shop")
    assert [it.reference for it in datasets.versions()] == ["art@1", "shop@2", "shop@1"]


def test_its_files_are_what_was_snapshotted(datasets: Datasets, folder: Path) -> None:
    version = datasets.snapshot(folder, "shop").version
    assert {file.path: file.open().read() for file in datasets.files(version)} == {
        "a.csv": b"x\n1\n2\n",
        "more/b.csv": b"x\n3\n",
    }


def test_looking_at_a_folder_keeps_nothing(datasets: Datasets, folder: Path) -> None:
    assert datasets.look_at(folder).size == 10
    assert not datasets.chunks.root.exists()


def test_a_schema_may_be_attached_later(datasets: Datasets, folder: Path) -> None:
    datasets.snapshot(folder, "shop")
    again = datasets.snapshot(folder, "shop", About(attached={"schema": SCHEMA}))
    assert not again.new
    assert datasets.get(Reference.parse("shop@1")).attached == {"schema": SCHEMA}


def test_what_is_attached_stays_when_something_else_is(datasets: Datasets, folder: Path) -> None:
    datasets.snapshot(folder, "shop", About(attached={"schema": SCHEMA}))
    datasets.snapshot(folder, "shop", About(attached={"statistics": SCHEMA}))
    assert set(datasets.get(Reference.parse("shop")).attached) == {"schema", "statistics"}


def test_each_new_version_is_an_event(datasets: Datasets, folder: Path, journal: Journal) -> None:
    version = datasets.snapshot(folder, "shop", About(attached={"schema": SCHEMA})).version
    (event,) = journal.read()
    assert (event.kind, event.at, event.data["new"]) == (EventKind.DATA_SNAPSHOTTED, NOW, True)
    assert event.data.items() >= {"dataset": "shop", "version": 1, "digest": version.digest, "rows": 3}.items()
    assert event.data["attached"] == {"schema": {"name": SCHEMA.name, "digest": SCHEMA.digest}}


def test_no_version_is_no_event(datasets: Datasets, folder: Path, journal: Journal) -> None:
    datasets.snapshot(folder, "shop")
    datasets.snapshot(folder, "shop")
    assert len(journal.read()) == 1


def test_attaching_is_an_event(datasets: Datasets, folder: Path, journal: Journal) -> None:
    datasets.snapshot(folder, "shop")
    datasets.snapshot(folder, "shop", About(attached={"schema": SCHEMA}))
    assert [event.data["new"] for event in journal.read()] == [True, False]


def test_what_a_format_has_read_is_a_version_as_well(datasets: Datasets, folder: Path) -> None:
    files = (DataFile(path="a.csv", size=2, open=lambda: io.BytesIO(b"x\n")),)
    made = datasets.adopt(ForeignData(name="shop", files=files), "shop", "file:///there/shop.dvc")
    assert (made.version.reference, made.version.source) == ("shop@1", "file:///there/shop.dvc")


@pytest.mark.parametrize("name", ["Shop", "", "a" * 41])
def test_a_name_that_cannot_be_is_refused_before_anything_is_kept(datasets: Datasets, folder: Path, name: str) -> None:
    with pytest.raises(UsageError):
        datasets.snapshot(folder, name)
    assert not datasets.chunks.root.exists()


def test_an_empty_folder_is_refused(datasets: Datasets, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(StorageError, match="has no files"):
        datasets.snapshot(tmp_path / "empty", "shop")


def test_a_folder_that_holds_the_store_is_refused(datasets: Datasets, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="holds the chunk store"):
        datasets.snapshot(tmp_path, "shop")


def test_a_folder_that_changes_meanwhile_is_refused(datasets: Datasets, folder: Path, journal: Journal) -> None:
    with pytest.raises(StorageError, match="changed while it was read"):
        datasets.snapshot(folder, "shop", progress=lambda _: write(folder, {"new.csv": "x\n"}))
    assert (datasets.versions(), journal.read()) == ([], [])


def test_a_name_with_a_line_end_is_refused(datasets: Datasets, folder: Path) -> None:
    write(folder, {"a\nb.csv": "x\n"})
    with pytest.raises(StorageError, match="control characters"):
        datasets.snapshot(folder, "shop")


def test_chunks_that_are_deleted_before_the_commit_are_kept_again(datasets: Datasets, folder: Path) -> None:
    datasets.snapshot(folder, "other")
    kept = next((datasets.chunks.root / "chunks").glob("??/*"))
    tidying = iter([kept.unlink])  # once, after the snapshot has seen that the chunk is there
    version = datasets.snapshot(folder, "shop", progress=lambda _: next(tidying, lambda: None)()).version
    assert datasets.damage([version]) == []


def test_damage_is_named_by_version_and_file(datasets: Datasets, folder: Path) -> None:
    datasets.snapshot(folder, "shop")
    lost = datasets.manifest(datasets.get(Reference.parse("shop"))).files[1].chunks[0].sha256
    (datasets.chunks.root / "chunks" / lost[:2] / lost[2:]).unlink()
    assert [(it.version, it.path) for it in datasets.damage(datasets.versions())] == [("shop@1", "more/b.csv")]


def test_a_lost_manifest_is_damage(datasets: Datasets, folder: Path) -> None:
    version = datasets.snapshot(folder, "shop").version
    (datasets.chunks.root / "manifests" / version.manifest[:2] / version.manifest[2:]).unlink()
    assert [(it.version, it.path) for it in datasets.damage([version])] == [("shop@1", "")]


def test_a_snapshot_of_the_same_files_brings_lost_chunks_back(datasets: Datasets, folder: Path) -> None:
    version = datasets.snapshot(folder, "shop").version
    lost = datasets.manifest(version).files[0].chunks[0].sha256
    (datasets.chunks.root / "chunks" / lost[:2] / lost[2:]).unlink()
    datasets.snapshot(folder, "shop")
    assert datasets.damage([version]) == []


def test_a_store_of_another_database_is_refused(
    datasets: Datasets, folder: Path, root: Path, database: StateDatabase, lineage: MemoryLineage
) -> None:
    datasets.snapshot(folder, "shop")
    (root / "owner").unlink()
    (root / "owner").write_text("somebody else")
    with pytest.raises(StorageError, match="another state database"):
        Datasets(database, root=root, lineage=lineage).snapshot(folder, "shop")


class Moody(MemoryLineage):
    """A lineage whose server is away until it is back."""

    away = True

    def commit(self, execution: ExecutionRecord) -> ExecutionRecord:
        if self.away:
            raise LineageError("the server is away")
        return super().commit(execution)


def test_a_version_that_the_lineage_missed_is_told_the_next_time(
    database: StateDatabase, root: Path, folder: Path
) -> None:
    moody = Moody()
    datasets = Datasets(database, root=root, lineage=moody)
    with pytest.raises(LineageError):
        datasets.snapshot(folder, "shop")
    moody.away = False
    datasets.settle()
    assert [it.properties["version"] for it in moody.latest("DataVersion")] == [1]


def test_settling_twice_is_the_same_as_once(datasets: Datasets, folder: Path, lineage: MemoryLineage) -> None:
    datasets.snapshot(folder, "shop")
    datasets.settle()
    assert len(lineage.latest("DataVersion")) == 1


def test_a_version_reads_back_as_it_was_made(datasets: Datasets, folder: Path) -> None:
    made = datasets.snapshot(folder, "shop", About(span=3, message="größer", attached={"schema": SCHEMA})).version
    assert datasets.get(Reference.parse("shop@1")) == made


@pytest.fixture
def elsewhere(database: StateDatabase, lineage: MemoryLineage, tmp_path: Path) -> Datasets:
    """Another project with the same state database, and a folder of its own for chunks."""
    return Datasets(database, root=tmp_path / "kept elsewhere", lineage=lineage, project="art", clock=lambda: NOW)


@pytest.fixture
def foreign(elsewhere: Datasets, tmp_path: Path) -> Version:
    """A version of that project."""
    return elsewhere.snapshot(write(tmp_path / "pictures", {"a.csv": "x\n7\n"}), "shop").version


def test_a_version_says_which_store_keeps_it(datasets: Datasets, folder: Path, root: Path) -> None:
    assert datasets.snapshot(folder, "shop").version.store == str(root)


def test_a_version_of_another_store_is_said_to_be_there(
    datasets: Datasets, elsewhere: Datasets, foreign: Version
) -> None:
    with pytest.raises(StorageError, match=f"shop@1 is kept in '{elsewhere.chunks.root}'"):
        datasets.manifest(foreign)


def test_a_version_of_another_store_does_not_hinder_a_checkout(
    datasets: Datasets, foreign: Version, folder: Path, tmp_path: Path
) -> None:
    version = datasets.snapshot(folder, "shop").version
    (tmp_path / "out").mkdir()
    write(tmp_path / "out", {"a.csv": "x\n1\n2\n"})
    assert datasets.checkout(version, tmp_path / "out").kept == 1


def test_a_version_whose_files_are_here_as_well_is_here(datasets: Datasets, elsewhere: Datasets, folder: Path) -> None:
    version = elsewhere.snapshot(folder, "shop").version
    datasets.snapshot(folder, "shop")
    assert datasets.manifest(version).size == 10


def test_only_its_own_store_tells_the_lineage_of_a_version(
    database: StateDatabase, lineage: MemoryLineage, elsewhere: Datasets, root: Path, tmp_path: Path, folder: Path
) -> None:
    with pytest.raises(LineageError):
        Datasets(database, root=tmp_path / "kept elsewhere", lineage=Moody()).snapshot(folder, "shop")
    Datasets(database, root=root, lineage=lineage).settle()
    assert lineage.latest("DataVersion") == []
    elsewhere.settle()
    assert [it.project for it in lineage.latest("DataVersion")] == ["art"]


def test_nothing_is_attached_while_it_is_decided_which_payloads_go(
    datasets: Datasets, folder: Path, database: StateDatabase
) -> None:
    datasets.snapshot(folder, "shop")
    Leases(database).acquire(COLLECTION, Holder.this("bob"), ttl_s=60)
    with pytest.raises(LeaseHeldError):
        datasets.snapshot(folder, "shop", About(attached={"schema": SCHEMA}))
    assert not datasets.snapshot(folder, "shop").new
