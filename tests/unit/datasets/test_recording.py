"""What the lineage knows of versions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import JsonValue

from cmcore.artifacts import DataVersion
from cmcore.datasets import recording
from cmcore.datasets.names import Reference
from cmcore.datasets.place import Place
from cmcore.datasets.recording import recorded
from cmcore.datasets.resolver import VersionOfData
from cmcore.datasets.store import About, Datasets
from cmcore.datasets.version import Attached
from cmcore.errors import NotFoundError, UsageError
from cmcore.lineage import walk
from cmcore.lineage.memory import MemoryLineage
from cmcore.lineage.record import ArtifactRecord, ExecutionState
from cmcore.lineage.store import LineageStore
from cmcore.pipelines.resolver import Query, Resolver
from cmcore.runtime.cache import imported_before
from cmcore.testing.resolver import ResolverContract, publish
from tests.unit.datasets.folders import write


def known(lineage: LineageStore, text: str) -> ArtifactRecord:
    found = recorded(lineage, Reference.parse(text))
    assert found is not None
    return found


def test_a_version_is_an_artifact(datasets: Datasets, folder: Path, lineage: MemoryLineage) -> None:
    version = datasets.snapshot(folder, "shop", About(span=2)).version
    artifact = known(lineage, "shop@1")
    assert DataVersion.model_validate(dict(artifact.properties)) == DataVersion(dataset="shop", version=1, span=2)
    assert (artifact.digest, artifact.project, artifact.actor) == (version.digest, "shop", "ada")
    assert artifact.is_a("Files")


def test_its_uri_says_where_it_is_kept(datasets: Datasets, folder: Path, lineage: MemoryLineage) -> None:
    version = datasets.snapshot(folder, "shop").version
    assert Place.parse(known(lineage, "shop").uri) == Place(root=datasets.chunks.root, manifest=version.manifest)


def test_it_was_made_by_a_complete_run_of_its_own(datasets: Datasets, folder: Path, lineage: MemoryLineage) -> None:
    datasets.snapshot(folder, "shop")
    (execution,) = lineage.producers(known(lineage, "shop"))
    assert (execution.state, execution.pipeline, execution.type_name) == (
        ExecutionState.COMPLETE,
        "data.shop",
        "data-snapshot",
    )


def test_the_longest_name_and_the_greatest_number_can_be_recorded(
    datasets: Datasets, folder: Path, lineage: MemoryLineage
) -> None:
    datasets.snapshot(folder, "a" * 40)
    artifact = known(lineage, "a" * 40)
    assert len(artifact.name.split("/")[0].replace("-1-", "-12345678-")) <= 63


def test_importing_the_folder_later_leads_to_the_version(
    datasets: Datasets, folder: Path, lineage: MemoryLineage
) -> None:
    version = datasets.snapshot(folder, "shop").version
    imported = ArtifactRecord(name="x", type_name="Files", uri=folder.as_uri(), digest=version.digest)
    found = imported_before(lineage, imported)
    assert found is not None
    assert known(lineage, "shop@1") in walk.upstream(lineage, found).artifacts


def test_importing_a_checkout_leads_to_the_version(
    datasets: Datasets, folder: Path, lineage: MemoryLineage, tmp_path: Path
) -> None:
    version = datasets.snapshot(folder, "shop").version
    datasets.checkout(version, tmp_path / "out")
    datasets.checkout(version, tmp_path / "out")
    imported = ArtifactRecord(name="x", type_name="Files", uri=(tmp_path / "out").as_uri(), digest=version.digest)
    found = imported_before(lineage, imported)
    assert found is not None
    assert found in walk.downstream(lineage, known(lineage, "shop@1")).artifacts


def test_a_checkout_with_strangers_is_not_the_version(
    datasets: Datasets, folder: Path, lineage: MemoryLineage, tmp_path: Path
) -> None:
    version = datasets.snapshot(folder, "shop").version
    write(tmp_path / "out", {"diary.txt": "mine"})
    datasets.checkout(version, tmp_path / "out", force=True)
    assert lineage.artifacts_by_uri((tmp_path / "out").as_uri()) == []


def test_what_was_imported_before_is_what_the_version_was_taken_from(
    datasets: Datasets, folder: Path, lineage: MemoryLineage, tmp_path: Path
) -> None:
    version = datasets.snapshot(folder, "shop").version
    datasets.checkout(version, tmp_path / "out")
    datasets.snapshot(tmp_path / "out", "copy")
    assert known(lineage, "shop@1") in walk.upstream(lineage, known(lineage, "copy@1")).artifacts


def test_a_schema_is_upstream_of_the_version_that_it_came_with(
    datasets: Datasets, folder: Path, lineage: MemoryLineage
) -> None:
    schema = publish(lineage, "Schema", run="run-1", digest="sha256:1")
    datasets.snapshot(folder, "shop", About(attached={"schema": Attached(name=schema.name, digest=schema.digest)}))
    assert schema in walk.upstream(lineage, known(lineage, "shop")).artifacts


def test_an_old_one_is_found_by_number_and_the_newest_without(
    datasets: Datasets, folder: Path, lineage: MemoryLineage
) -> None:
    datasets.snapshot(folder, "shop", About(span=1))
    datasets.snapshot(folder, "shop", About(span=2))
    numbers = [known(lineage, text).properties["version"] for text in ("shop", "shop@1", "shop@span:1", "shop@span:2")]
    assert numbers == [2, 1, 1, 2]


def test_those_of_other_projects_are_not_ours(datasets: Datasets, folder: Path, lineage: MemoryLineage) -> None:
    datasets.snapshot(folder, "shop")
    assert recorded(lineage, Reference.parse("shop"), project="other") is None


class TestVersionOfData(ResolverContract):
    @pytest.fixture
    def resolver(self) -> Resolver:
        return VersionOfData()

    @pytest.fixture
    def parameters(self) -> Mapping[str, JsonValue]:
        return {"dataset": "shop"}

    @pytest.fixture
    def filled(self, datasets: Datasets, folder: Path, lineage: MemoryLineage) -> LineageStore:
        datasets.snapshot(folder, "shop")
        return lineage

    def test_it_finds_nothing_in_an_empty_lineage(
        self, resolver: Resolver, parameters: Mapping[str, JsonValue]
    ) -> None:
        """What is named must be there, unlike a newest model."""
        with pytest.raises(NotFoundError, match="there is no dataset 'shop'"):
            self.ask(resolver, parameters, MemoryLineage())


@pytest.mark.parametrize(("version", "expected"), [(1, [1]), ("latest", [2])])
def test_the_resolver_finds(
    datasets: Datasets, folder: Path, lineage: MemoryLineage, version: JsonValue, expected: list[int]
) -> None:
    datasets.snapshot(folder, "shop")
    write(folder, {"a.csv": "x\n"})
    datasets.snapshot(folder, "shop")
    parameters: dict[str, JsonValue] = {"dataset": "shop", "version": version, "span": None}
    query = Query(parameters=parameters, inputs={}, lineage=lineage, pipeline="p", project="shop")
    assert [it.properties["version"] for it in VersionOfData().resolve(query)["data"]] == expected


@pytest.mark.parametrize(
    ("dataset", "version", "said"),
    [
        ("shop", 9, "shop@9 does not exist; shop has versions 1 to 1, spans 4"),
        ("shep", "latest", r"there is no dataset 'shep'; there are shop; did you mean 'shop'\?"),
    ],
)
def test_the_resolver_refuses_what_is_not_there(
    datasets: Datasets, folder: Path, lineage: MemoryLineage, dataset: str, version: JsonValue, said: str
) -> None:
    datasets.snapshot(folder, "shop", About(span=4))
    parameters: dict[str, JsonValue] = {"dataset": dataset, "version": version, "span": None}
    query = Query(parameters=parameters, inputs={}, lineage=lineage, pipeline="p", project="shop")
    with pytest.raises(NotFoundError, match=said):
        VersionOfData().resolve(query)


def test_the_first_of_very_many_versions_is_found(lineage: MemoryLineage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "SEARCHED", 2)
    for number in (1, 2, 3):
        publish(
            lineage, "DataVersion", run=f"data.shop-{number}", digest="sha256:1", pipeline="data.shop",
            dataset="shop", version=number, span=-1,
        )  # fmt: skip
    assert known(lineage, "shop@1").properties["version"] == 1


def test_only_a_schema_can_be_attached_as_one(lineage: MemoryLineage) -> None:
    model = publish(lineage, "Model", run="run-1", digest="sha256:1")
    with pytest.raises(UsageError, match="cannot be the schema of data: it is a Model, no Schema"):
        recording.attachable("schema", model)


def test_statistics_can_be_attached(lineage: MemoryLineage) -> None:
    statistics = publish(lineage, "ExampleStatistics", run="run-1", digest="sha256:1", span=0)
    assert recording.attachable("statistics", statistics) == Attached(name=statistics.name, digest="sha256:1")
