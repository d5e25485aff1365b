from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from cmcore.artifacts import Artifact, Blessing, Examples, Files, Model, Statistics
from cmcore.components.types import STANDARD
from cmcore.errors import StorageError, UsageError


class Embeddings(Artifact, system_type="DATASET"):
    """Five lines make a type."""

    dimensions: int = 0
    tags: list[str] = []


class SmallEmbeddings(Embeddings, type_name="Small"):
    """A type of that type."""


def test_a_type_is_recorded_under_the_name_of_its_class() -> None:
    assert Embeddings.type_name == "Embeddings"


def test_a_type_may_be_recorded_under_another_name() -> None:
    assert SmallEmbeddings.type_name == "Small"


def test_a_subclass_has_the_properties_of_its_base() -> None:
    assert SmallEmbeddings(dimensions=3).dimensions == 3


def test_a_subclass_inherits_the_system_type() -> None:
    assert SmallEmbeddings.system_type == "DATASET"


def test_the_type_name_of_a_base_is_not_inherited() -> None:
    assert type("Tiny", (SmallEmbeddings,), {}).type_name == "Tiny"


def test_ancestry_names_what_a_type_may_stand_in_for_nearest_first() -> None:
    assert SmallEmbeddings.ancestry() == ["Small", "Embeddings", "Artifact"]


def test_a_system_type_that_ml_metadata_does_not_have_is_refused() -> None:
    with pytest.raises(UsageError, match="system_type is 'TABLE'; one of DATASET, MODEL"):
        type("Table", (Artifact,), {}, system_type="TABLE")


class SklearnPickle(Model, allows=("pickle",)):
    """A type that says that pickles are all right."""


def test_a_type_allows_no_pickles_unless_it_says_so() -> None:
    assert (Model.allowed_formats, SklearnPickle.allowed_formats) == ((), ("pickle",))


def test_what_a_type_allows_its_subclasses_allow_too() -> None:
    assert type("Forest", (SklearnPickle,), {}).allowed_formats == ("pickle",)


@pytest.mark.parametrize("allows", ["pickle", ("hostile",), ("pickle", "all")])
def test_a_format_that_nobody_may_allow_is_refused(allows: object) -> None:
    with pytest.raises(UsageError, match=r"Bad: allows is .*; a tuple of pickle, code, opaque"):
        type("Bad", (Model,), {}, allows=allows)


def test_a_property_that_is_not_declared_is_refused() -> None:
    with pytest.raises(ValidationError, match="dimension"):
        Embeddings(dimension=3)


def test_a_property_of_the_wrong_type_is_refused_when_it_is_set() -> None:
    artifact = Embeddings()
    with pytest.raises(ValidationError, match="valid integer"):
        artifact.dimensions = "many"


def test_an_attribute_that_is_no_property_cannot_be_set() -> None:
    artifact = Embeddings()
    with pytest.raises(ValueError, match="sizes"):
        artifact.sizes = 3


def test_two_artifacts_do_not_share_a_list_property() -> None:
    first, second = Embeddings(), Embeddings()
    first.tags.append("a")
    assert second.tags == []


def test_two_artifacts_do_not_share_free_remarks() -> None:
    first, second = Embeddings(), Embeddings()
    first.custom_properties["a"] = 1
    assert second.custom_properties == {}


def test_an_artifact_over_a_folder_has_its_uri_and_path(tmp_path: Path) -> None:
    artifact = Examples.at(tmp_path, span=3)
    assert (artifact.uri, artifact.path, artifact.span) == (tmp_path.as_uri(), tmp_path, 3)


def test_a_relative_folder_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Files.at("data").path == tmp_path / "data"


def test_a_file_is_written_and_read_through_the_artifact(tmp_path: Path) -> None:
    files = Files.at(tmp_path)
    with files.open("deep/a.txt", "w") as stream:
        stream.write("größer")
    with files.open("deep/a.txt", "r") as stream:
        assert stream.read() == "größer"


@pytest.mark.parametrize("name", ["../a", "/etc/passwd", "a/../../b"])
def test_a_name_that_leaves_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(StorageError, match="lies outside"):
        Files.at(tmp_path / "inside").open(name)


def test_an_artifact_without_a_payload_says_how_to_make_one() -> None:
    with pytest.raises(StorageError, match=r"Model.at\('some/folder'\)"):
        Model().path  # noqa: B018 # reading is the claim


def test_an_artifact_outside_a_run_has_no_name_and_no_digest(tmp_path: Path) -> None:
    artifact = Files.at(tmp_path)
    assert (artifact.name, artifact.digest) == ("", None)


def test_a_split_is_a_folder_of_its_own(tmp_path: Path) -> None:
    assert Examples.at(tmp_path, splits=["train"]).split("train") == tmp_path / "Split-train"


def test_a_split_that_does_not_exist_is_refused_with_those_that_do(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"no split 'test'.* splits: train, eval"):
        Examples.at(tmp_path, splits=["train", "eval"]).split("test")


@pytest.mark.parametrize(
    ("cls", "name"),
    [(Statistics, "ExampleStatistics"), (Blessing, "ModelBlessing"), (Examples, "Examples"), (Model, "Model")],
)
def test_standard_types_are_named_as_readers_of_tfx_expect(cls: type[Artifact], name: str) -> None:
    assert cls.type_name == name


@pytest.mark.parametrize("cls", STANDARD.values(), ids=STANDARD.keys())
def test_standard_types_make_an_artifact_without_arguments(cls: type[Artifact]) -> None:
    assert cls().custom_properties == {}


def test_standard_types_are_recorded_under_different_names() -> None:
    assert len({cls.type_name for cls in STANDARD.values()}) == len(STANDARD)


@pytest.mark.parametrize("mode", ["rb", "w"])
@pytest.mark.parametrize("name", ["../x", "/etc/hostname", "a\0b", "\ud800", "", ".", "a" * 300])
def test_a_name_that_cannot_be_a_file_inside_is_refused(tmp_path: Path, name: str, mode: str) -> None:
    (tmp_path / "model").mkdir()
    with pytest.raises(StorageError, match=r"lies outside the artifact|cannot be opened"):
        Model.at(tmp_path / "model").open(name, mode)


@pytest.mark.parametrize("mode", ["rb", "w", "a", "r+"])
def test_a_link_that_leaves_the_artifact_is_not_followed(tmp_path: Path, mode: str) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "a").symlink_to(tmp_path / "secret")
    with pytest.raises(StorageError, match="lies outside the artifact"):
        Model.at(tmp_path / "model").open("a", mode)
    assert (tmp_path / "secret").read_text() == "secret"


def test_a_missing_file_is_told_as_one(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"'a' of the artifact at .* cannot be opened: No such file"):
        Model.at(tmp_path).open("a")
