from __future__ import annotations

import json
from pathlib import Path

import pytest

from cmcore import Context
from cmcore.artifacts import Blessing, Model, PushedModel
from cmcore_tabular.errors import TabularError
from cmcore_tabular.pusher import current_version, folder_digest, push, pusher, still_pushed, versions


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    (folder / "sub").mkdir(parents=True)
    (folder / "MLmodel").write_text("one")
    (folder / "sub" / "data").write_text("two")
    return folder


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    return tmp_path / "pushed"


def run(model: Path, destination: Path, *, blessed: bool = True, of: str = "") -> tuple[dict[str, object], PushedModel]:
    result = PushedModel.at(model.parent / "result")
    result.path.mkdir(exist_ok=True)
    values = pusher(
        model=Model.at(model), blessing=Blessing(blessed=blessed, current_model=of), pushed_model=result,
        destination=str(destination), context=Context(name="run/pusher"),
    )  # fmt: skip
    return values, result


def holds(model: Path, destination: Path, version: str = "1") -> bool:
    return still_pushed(
        parameters={"destination": str(destination)}, outputs={"pushed_model": {"version": version}},
        input_digests={"model": folder_digest(model)},
    )  # fmt: skip


def test_a_blessed_model_becomes_current(model: Path, destination: Path) -> None:
    values, result = run(model, destination)
    assert (values, result.version) == ({"pushed": True, "version": "1"}, "1")
    assert folder_digest(destination / "current") == folder_digest(model)


def test_without_a_blessing_nothing_is_touched(model: Path, destination: Path) -> None:
    values, result = run(model, destination, blessed=False)
    assert (values["pushed"], destination.exists()) == (False, False)
    assert json.loads((result.path / "pushed.json").read_text())["reason"] == "the model is not blessed"


def test_a_blessing_of_another_model_is_refused(model: Path, destination: Path) -> None:
    with pytest.raises(TabularError, match="the blessing is for model sha256:other"):
        run(model, destination, of="sha256:other")


def test_pushing_twice_is_the_same_as_once(model: Path, destination: Path) -> None:
    run(model, destination)
    assert run(model, destination)[0]["version"] == "1"
    assert versions(destination) == ["1"]


def test_a_retry_after_a_kill_before_the_switch_ends_with_one_version(model: Path, destination: Path) -> None:
    run(model, destination)
    (destination / "current").unlink()
    run(model, destination)
    assert (versions(destination), current_version(destination)) == (["1"], "1")


def test_what_a_kill_left_half_copied_is_replaced(model: Path, destination: Path) -> None:
    (destination / ".incoming-1" / "model").mkdir(parents=True)
    (destination / ".incoming-1" / "model" / "half").write_text("")
    run(model, destination)
    assert folder_digest(destination / "current") == folder_digest(model)


def test_another_model_is_the_next_version(model: Path, destination: Path) -> None:
    run(model, destination)
    (model / "MLmodel").write_text("changed")
    assert run(model, destination)[0]["version"] == "2"
    assert current_version(destination) == "2"


def test_the_check_holds_after_a_push(model: Path, destination: Path) -> None:
    run(model, destination)
    assert holds(model, destination)


def test_the_check_holds_where_nothing_was_to_be_pushed(model: Path, destination: Path) -> None:
    assert holds(model, destination, version="")


def test_the_check_fails_on_an_empty_destination(model: Path, destination: Path) -> None:
    assert not holds(model, destination)


def test_the_check_fails_on_a_damaged_version(model: Path, destination: Path) -> None:
    run(model, destination)
    (destination / "current" / "MLmodel").write_text("damaged")
    assert not holds(model, destination)


def test_a_damaged_version_is_pushed_anew(model: Path, destination: Path) -> None:
    run(model, destination)
    (destination / "current" / "MLmodel").write_text("damaged")
    assert run(model, destination)[0]["version"] == "2"


def test_the_check_fails_once_something_else_is_current(model: Path, destination: Path) -> None:
    run(model, destination)
    other = model.parent / "other"
    other.mkdir()
    (other / "MLmodel").write_text("other")
    push(other, folder_digest(other), destination, "someone")
    assert not holds(model, destination)
