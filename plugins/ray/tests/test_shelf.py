"""What was placed is there whole or not at all, under a name that nobody else gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmcore.errors import ModelRefusedError, ServingError
from cmcore.serving.backend import Flavor, Placement
from cmcore_ray.codec.question import Served
from cmcore_ray.shelf import Shelf


@pytest.fixture
def placement(served: Served, tmp_path: Path) -> Placement:
    folder = tmp_path / "model"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "weights").write_bytes(b"123")
    flavor = Flavor(name="tiny", factory="a.b:c")
    return Placement(
        name="m-1", folder=folder, interface=served.interface, flavor=flavor, owner={"project": "p", "endpoint": "e"}
    )


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "shelf")


def test_what_was_placed_is_found(shelf: Shelf, placement: Placement) -> None:
    shelf.put(placement)
    assert shelf.find("m-1") == placement


def test_files_are_there_although_their_source_is_gone(shelf: Shelf, placement: Placement) -> None:
    shelf.put(placement)
    (placement.folder / "deep" / "weights").unlink()
    assert (shelf.model("m-1") / "deep" / "weights").read_bytes() == b"123"


def test_placing_twice_is_the_same_as_once(shelf: Shelf, placement: Placement, tmp_path: Path) -> None:
    shelf.put(placement)
    shelf.put(placement)
    assert [path.name for path in (tmp_path / "shelf").iterdir()] == ["m-1"]


def test_another_owner_does_not_get_the_name(shelf: Shelf, placement: Placement) -> None:
    shelf.put(placement)
    with pytest.raises(ModelRefusedError, match="project p, endpoint e"):
        shelf.put(placement.model_copy(update={"owner": {"project": "q"}}))


def test_another_model_does_not_get_the_name(shelf: Shelf, placement: Placement) -> None:
    shelf.put(placement)
    with pytest.raises(ModelRefusedError, match="m-1"):
        shelf.put(placement.model_copy(update={"flavor": Flavor(name="tiny", factory="a.b:d")}))


def test_a_missing_source_leaves_nothing(shelf: Shelf, placement: Placement, tmp_path: Path) -> None:
    with pytest.raises(ServingError):
        shelf.put(placement.model_copy(update={"folder": tmp_path / "nowhere"}))
    assert list((tmp_path / "shelf").iterdir()) == []


def test_what_was_dropped_is_gone(shelf: Shelf, placement: Placement, tmp_path: Path) -> None:
    shelf.put(placement)
    shelf.drop("m-1")
    assert list((tmp_path / "shelf").iterdir()) == []


@pytest.mark.parametrize("name", ["nothing", "../model", "", ".."])
def test_dropping_what_is_not_there_harms_nothing(shelf: Shelf, placement: Placement, name: str) -> None:
    shelf.put(placement)
    shelf.drop(name)
    assert (shelf.find("m-1") is not None, placement.folder.exists()) == (True, True)


def test_a_damaged_document_is_named(shelf: Shelf, placement: Placement) -> None:
    shelf.put(placement)
    (shelf.model("m-1").parent / "placement.json").write_text("{")
    with pytest.raises(ServingError, match=r"placement\.json"):
        shelf.find("m-1")
