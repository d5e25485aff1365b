"""Models appear in a repository whole or not at all, under the name of one owner."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cmcore.errors import ModelRefusedError, ServingError
from cmcore.serving.backend import Placement
from cmcore_triton.backend import TritonBackend
from cmcore_triton.model_folder import Runners, model_folders
from cmcore_triton.options import TritonOptions
from cmcore_triton.repository import MARKER, Placed, Repository, digest_of


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "models")


def placed(name: str = "m", owner: str = "flights", digest: str = "1") -> Placed:
    return Placed(name=name, owner={"project": owner}, digest=digest, load_timeout_s=9)


def writing(text: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / "file").write_text(text)

    return write


def failing(folder: Path) -> None:
    (folder / "file").write_text("half")
    raise OSError("the disk is full")


def test_what_was_put_is_there(repository: Repository) -> None:
    repository.put(placed(), writing("one"))
    assert (repository.folder / "m" / "file").read_text() == "one"


def test_putting_the_same_again_changes_nothing(repository: Repository) -> None:
    repository.put(placed(), writing("one"))
    repository.put(placed(), writing("two"))
    assert (repository.folder / "m" / "file").read_text() == "one"


def test_nothing_of_what_failed_stays(repository: Repository) -> None:
    with pytest.raises(ServingError, match="the disk is full"):
        repository.put(placed(), failing)
    assert list(repository.folder.iterdir()) == []


def test_a_name_of_somebody_else_is_refused_with_theirs(repository: Repository) -> None:
    repository.put(placed(owner="weather"), writing("one"))
    with pytest.raises(ModelRefusedError, match=r"project weather.*project flights"):
        repository.put(placed(), writing("two"))


def test_another_model_under_a_name_is_refused(repository: Repository) -> None:
    repository.put(placed(), writing("one"))
    with pytest.raises(ModelRefusedError, match="nothing is replaced in place"):
        repository.put(placed(digest="2"), writing("two"))


def test_a_folder_that_cmcore_did_not_place_is_refused(repository: Repository) -> None:
    (repository.folder / "m").mkdir(parents=True)
    with pytest.raises(ModelRefusedError, match="not placed by cmcore"):
        repository.put(placed(), writing("one"))


def test_a_model_that_appears_while_it_is_looked_for_is_cmcores(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    exists = Path.exists

    def appearing(path: Path) -> bool:
        repository.folder.mkdir(exist_ok=True)
        path.mkdir(exist_ok=True)
        (path / MARKER).write_text(placed().model_dump_json())
        return exists(path)

    monkeypatch.setattr(Path, "exists", appearing)
    assert repository.placed("m") == placed()


def test_the_marker_is_on_the_disk_before_its_model_appears(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[str, bool]] = []
    fsync = os.fsync

    def noting(descriptor: int) -> None:
        fsync(descriptor)
        name = Path(f"/proc/self/fd/{descriptor}").readlink().name
        synced.append((name[:9], (repository.folder / "m").is_dir()))

    monkeypatch.setattr(os, "fsync", noting)
    repository.put(placed(), writing("one"))
    assert synced == [(MARKER[:9], False), (".staging-", False)]


def test_a_damaged_marker_hides_no_other_model(repository: Repository) -> None:
    repository.put(placed("damaged"), writing("one"))
    repository.put(placed("m"), writing("one"))
    (repository.folder / "damaged" / MARKER).write_text("")
    assert list(repository.all()) == ["m"]


def test_a_damaged_marker_is_told_to_whoever_asks_for_its_model(repository: Repository) -> None:
    repository.put(placed(), writing("one"))
    (repository.folder / "m" / MARKER).write_text("")
    with pytest.raises(ServingError, match=r"cmcore.json cannot be read"):
        repository.placed("m")


def test_what_was_dropped_is_gone(repository: Repository) -> None:
    repository.put(placed(), writing("one"))
    repository.drop("m")
    assert list(repository.folder.iterdir()) == []


def test_dropping_nothing_is_fine(repository: Repository) -> None:
    repository.drop("m")
    assert repository.all() == {}


def test_what_another_process_left_half_is_not_listed(repository: Repository) -> None:
    repository.put(placed(), writing("one"))
    (repository.folder / "m").rename(repository.folder / ".staging-m-0")
    assert repository.all() == {}


def test_what_was_left_half_is_swept_away(repository: Repository) -> None:
    (repository.folder / ".staging-m-0").mkdir(parents=True)
    (repository.folder / ".trash-m-0").mkdir()
    repository.sweep(older_than_s=0)
    assert list(repository.folder.iterdir()) == []


def test_what_is_being_written_is_not_swept_away(repository: Repository) -> None:
    (repository.folder / ".staging-m-0").mkdir(parents=True)
    repository.sweep()
    assert (repository.folder / ".staging-m-0").is_dir()


def test_where_the_files_lie_does_not_make_another_model(placement: Placement, tmp_path: Path) -> None:
    moved = placement.model_copy(update={"folder": tmp_path / "elsewhere"})
    assert digest_of(moved) == digest_of(placement)


def test_files_are_not_copied_on_this_machine(placement: Placement, repository: Repository) -> None:
    (placement.folder / "weights").write_text("many")
    [(it, write)] = model_folders(placement, Runners())
    repository.put(it, write)
    linked = repository.folder / it.name / "1" / "payload" / "weights"
    assert linked.samefile(placement.folder / "weights")


@pytest.mark.parametrize(("user", "linked"), [(0, False), (1000, True)])
def test_files_are_copied_where_root_could_write_to_them(
    user: int, linked: bool, placement: Placement, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (placement.folder / "weights").write_text("many")
    monkeypatch.setattr(os, "geteuid", lambda: user)
    TritonBackend(tmp_path / "triton", TritonOptions(onnxruntime="no")).place(placement)
    served = tmp_path / "triton" / "models" / placement.name / "1" / "payload" / "weights"
    assert served.samefile(placement.folder / "weights") is linked


def test_files_are_copied_for_a_server_elsewhere(placement: Placement, repository: Repository) -> None:
    (placement.folder / "weights").write_text("many")
    [(it, write)] = model_folders(placement, Runners(link=False))
    repository.put(it, write)
    copied = repository.folder / it.name / "1" / "payload" / "weights"
    assert (copied.read_text(), copied.samefile(placement.folder / "weights")) == ("many", False)


def test_a_response_cache_that_the_server_has_not_is_refused(placement: Placement) -> None:
    cached = placement.model_copy(update={"inference": placement.inference.model_copy(update={"response_cache": True})})
    with pytest.raises(ModelRefusedError, match=r"\$\.inference\.response_cache"):
        list(model_folders(cached, Runners(cache=False)))
