"""Our registry's events in MLflow's registry, from a real registry of ours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cmcore.address import Address
from cmcore.registry.facts import Origin, VersionFacts
from cmcore.registry.names import Reference
from cmcore.registry.store import Registry
from cmcore.registry.tables import REGISTRY_BRANCH
from cmcore.state.database import StateDatabase
from cmcore.state.journal import Journal
from cmcore.state.migration import STATE_BRANCH
from cmcore.storage.store import PayloadStore
from cmcore.storage.verify import Verdict, VerifyMode
from cmcore.testing.tracker import PlainMemory, numbered, run_events
from cmcore_mlflow.testing import View
from cmcore_mlflow.tracker import mlflow_tracker

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

pytestmark = [pytest.mark.integration, pytest.mark.filterwarnings("ignore")]  # MLflow's own warnings
FLIGHTS = Reference.parse("flights@1.0.0")
ECHO = """
class Echo:
    def predict(self, asked, params=None):
        return asked


def _load_pyfunc(path):
    return Echo()
"""


class Mirror:
    """A registry of ours, and the tracker that is told its events."""

    def __init__(self, view: View, folder: Path) -> None:
        url = f"sqlite:///{folder}/state.db"
        self.view, self.folder, self.memory = view, folder, PlainMemory()
        self.database = StateDatabase.open(url, branches=(STATE_BRANCH, REGISTRY_BRANCH))
        self.registry = Registry(self.database, actor="ada")

    def register(self, digit: str, *, run: str = "", node: str = "") -> None:
        """A new version with these bytes."""
        facts = VersionFacts(
            digest=f"sha256:{digit * 64}", uri=f"s3://bucket/{digit}", origin=Origin(run=run, node=node)
        )
        self.registry.register("flights", facts)

    def tell(self, **options: float) -> None:
        """Deliver everything that was logged, again too."""
        tracker = mlflow_tracker(self.memory, self.folder, uri=self.view.uri, **options)
        tracker.deliver(Journal(self.database).read())

    def versions(self) -> list[ModelVersion]:
        """MLflow's versions, the oldest first."""
        found = self.view.client.search_model_versions("name = 'flights'")
        return sorted(found, key=lambda version: int(version.version))


@dataclass(frozen=True, kw_only=True)
class Sealed:
    """A model of MLflow's in a payload store of ours."""

    store: PayloadStore
    uri: str
    digest: str

    def mirror_to(self, mirror: Mirror, **options: float) -> None:
        """Tell of the run that made it, and register it as the champion."""
        mlflow_tracker(mirror.memory, mirror.folder, uri=mirror.view.uri).deliver(numbered(run_events("made")))
        mirror.memory.put("attempted", "")
        facts = VersionFacts(digest=self.digest, uri=self.uri, origin=Origin(run="made", node="train"))
        mirror.registry.register("flights", facts)
        mirror.registry.set_alias(FLIGHTS, "champion", over=0)
        mirror.tell(**options)


@pytest.fixture
def sealed(tmp_path: Path) -> Sealed:
    """A model that answers with what it is asked."""
    pyfunc = pytest.importorskip("mlflow.pyfunc", reason="needs mlflow, and pandas")
    store = PayloadStore(str(tmp_path / "payloads"))
    payload = store.output(Address(run="made", node="train"), "model")
    (tmp_path / "echo_model.py").write_text(ECHO)
    pyfunc.save_model(
        path=str(payload.path), loader_module="echo_model", code_paths=[str(tmp_path / "echo_model.py")],
        pip_requirements=[],
    )  # fmt: skip
    return Sealed(store=store, uri=payload.uri, digest=payload.seal().digest)


@pytest.fixture
def mirror(view: View, tmp_path: Path) -> Iterator[Mirror]:
    found = Mirror(view, tmp_path)
    yield found
    found.database.close()


def test_a_version_is_there_with_what_leads_back_to_ours(mirror: Mirror) -> None:
    mirror.register("a")
    mirror.tell()
    (version,) = mirror.versions()
    assert (version.tags["cmcore.version"], version.tags["cmcore.digest"]) == ("1.0.0", f"sha256:{'a' * 64}")


def test_its_source_is_our_payload_where_that_lies_in_an_object_store(mirror: Mirror) -> None:
    mirror.register("a")
    mirror.tell()
    assert mirror.versions()[0].source == "s3://bucket/a"


def test_what_mlflow_writes_beside_a_model_that_it_loads_leaves_our_payload_as_it_was_sealed(
    mirror: Mirror, sealed: Sealed
) -> None:
    sealed.mirror_to(mirror)
    pyfunc = pytest.importorskip("mlflow.pyfunc")
    model = pyfunc.load_model("models:/flights@champion")
    verdict = sealed.store.verify(sealed.uri, sealed.digest, VerifyMode.DIGEST)
    assert (model.predict(["late"]), verdict) == (["late"], Verdict(ok=True, reason="digest equal"))


def test_a_payload_on_this_disk_that_is_too_large_to_copy_is_there_by_its_name(mirror: Mirror, sealed: Sealed) -> None:
    sealed.mirror_to(mirror, upload_files_mib=0.00001)
    assert mirror.versions()[0].source == "cmcore://registry/flights/1.0.0"


def test_a_payload_on_this_disk_that_no_run_made_is_there_by_its_name(mirror: Mirror, sealed: Sealed) -> None:
    mirror.registry.register("flights", VersionFacts(digest=sealed.digest, uri=sealed.uri))
    mirror.tell()
    assert mirror.versions()[0].source == "cmcore://registry/flights/1.0.0"


def test_its_run_is_the_node_that_made_it(mirror: Mirror) -> None:
    events = numbered(run_events("made"))
    mlflow_tracker(mirror.memory, mirror.folder, uri=mirror.view.uri).deliver(events)
    mirror.memory.put("attempted", "")
    mirror.register("a", run="made", node="train")
    mirror.tell()
    assert mirror.versions()[0].run_id == mirror.view.node("made", "train").info.run_id


def test_telling_twice_is_the_same_as_once(mirror: Mirror) -> None:
    mirror.register("a")
    mirror.register("b")
    mirror.tell()
    mirror.tell()
    assert [version.tags["cmcore.version"] for version in mirror.versions()] == ["1.0.0", "1.0.1"]


def test_versions_that_a_killed_process_made_are_found_again(mirror: Mirror) -> None:
    mirror.register("a")
    mirror.tell()
    mirror.memory.texts = {"attempted": mirror.memory.get("attempted")}
    mirror.tell()
    assert len(mirror.versions()) == 1


def test_an_alias_follows_ours(mirror: Mirror) -> None:
    mirror.register("a")
    mirror.register("b")
    mirror.registry.set_alias(FLIGHTS, "champion", over=0)
    mirror.tell()
    mirror.registry.set_alias(Reference.parse("flights@1.0.1"), "champion", over=1)
    mirror.tell()
    assert mirror.view.client.get_model_version_by_alias("flights", "champion").tags["cmcore.version"] == "1.0.1"


def test_an_alias_that_mlflow_keeps_for_itself_gets_a_longer_name(mirror: Mirror) -> None:
    mirror.register("a")
    mirror.registry.set_alias(FLIGHTS, "v1", over=0)
    mirror.tell()
    assert mirror.view.client.get_model_version_by_alias("flights", "alias-v1").version == mirror.versions()[0].version


def test_an_alias_that_was_removed_is_gone(mirror: Mirror) -> None:
    mirror.register("a")
    mirror.registry.set_alias(FLIGHTS, "champion", over=0)
    mirror.tell()
    mirror.registry.remove_alias("flights", "champion", over=1)
    mirror.tell()
    assert mirror.view.client.get_registered_model("flights").aliases == {}


def test_properties_links_and_notes_are_there(mirror: Mirror) -> None:
    mirror.register("a")
    mirror.registry.describe(FLIGHTS, {"owner": "ada"})
    mirror.registry.link(FLIGHTS, "ticket", "https://tickets.example/7")
    mirror.registry.note(FLIGHTS, "trained on clean data")
    mirror.tell()
    (version,) = mirror.versions()
    told = (version.tags["owner"], version.tags["cmcore.link.ticket"], version.description)
    assert told == ("ada", "https://tickets.example/7", "ada: trained on clean data")


def test_a_property_that_was_taken_away_is_gone(mirror: Mirror) -> None:
    mirror.register("a")
    mirror.registry.describe(FLIGHTS, {"owner": "ada"})
    mirror.tell()
    mirror.registry.describe(FLIGHTS, {"owner": None})
    mirror.tell()
    assert "owner" not in mirror.versions()[0].tags


def test_the_properties_of_the_model_are_the_models(mirror: Mirror) -> None:
    mirror.registry.create("flights", {"team": "ops"})
    mirror.tell()
    assert mirror.view.client.get_registered_model("flights").tags["team"] == "ops"


def test_nothing_is_mirrored_where_nobody_wants_it(mirror: Mirror) -> None:
    mirror.register("a")
    mirror.tell(mirror_models=False)
    assert mirror.versions() == []
