from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from cmcore.address import Address
from cmcore.components.spec import Effect
from cmcore.lineage.memory import MemoryLineage
from cmcore.lineage.record import ArtifactRecord, Edge, ExecutionRecord, ExecutionState, RunRecord
from cmcore.pipelines.document import CachePolicy
from cmcore.pipelines.plan import PlannedNode
from cmcore.runtime.cache import Cache, why
from cmcore.runtime.key import Difference
from cmcore.storage.store import PayloadStore
from cmcore.storage.verify import VerifyMode
from tests.unit.runtime.world import step

KEY = "0" * 64
HERE = __name__


def holds(*, parameters: Mapping[str, object], outputs: object, input_digests: object) -> bool:
    """A check that an external effect declares."""
    del outputs, input_digests
    return parameters["there"] is True


def breaks(**_: object) -> bool:
    raise AttributeError("no such server")


@pytest.fixture
def store(tmp_path: Path) -> PayloadStore:
    return PayloadStore(str(tmp_path / "artifacts"))


@pytest.fixture
def lineage() -> MemoryLineage:
    lineage = MemoryLineage()
    lineage.open_run(RunRecord(run="run-1", pipeline="p", project="tests"))
    return lineage


@pytest.fixture
def cache(lineage: MemoryLineage, store: PayloadStore, tmp_path: Path) -> Cache:
    return Cache(lineage=lineage, payloads=store, folder=tmp_path, verify=VerifyMode.AUTO)


def published(lineage: MemoryLineage, store: PayloadStore, attempt: int = 1) -> Path:
    """Record an execution under the key; the file that it wrote."""
    address = Address(run="run-1", node="a", attempt=attempt)
    payload = store.output(address, "out")
    (payload.path / "file").write_text(f"{attempt}")
    digest = payload.seal().digest
    artifact = ArtifactRecord(name=f"{address}/out/0", type_name="Files", uri=payload.uri, digest=digest)
    lineage.commit(
        ExecutionRecord(
            name=str(address), type_name="A", state=ExecutionState.COMPLETE, project="tests", pipeline="p", run="run-1",
            node="a", cache_key=KEY, outputs=(Edge(key="out", index=0, artifact=artifact),),
            facts={"cache_parts": {"code": "1", "python": "3.11"}},
        )
    )  # fmt: skip
    return payload.path / "file"


def external(check: str = "") -> PlannedNode:
    node = step("a")
    return node.model_copy(update={"spec": node.spec.model_copy(update={"effect": Effect.EXTERNAL, "check": check})})


def test_an_execution_with_the_key_is_a_hit(cache: Cache, lineage: MemoryLineage, store: PayloadStore) -> None:
    published(lineage, store)
    assert cache.lookup(step("a"), KEY, {}).hit.name == "run-1/a/1"


def test_without_one_it_is_a_miss_that_says_so(cache: Cache) -> None:
    assert cache.lookup(step("a"), KEY, {}).reason == "no execution with this key"


def test_a_damaged_payload_is_a_miss_that_says_what_is_damaged(
    cache: Cache, lineage: MemoryLineage, store: PayloadStore
) -> None:
    file = published(lineage, store)
    file.chmod(0o644)
    file.write_text("X")
    lookup = cache.lookup(step("a"), KEY, {})
    assert (lookup.hit, "run-1/a/1/out/0 is damaged" in lookup.reason, "'file' has sha256" in lookup.reason) == (
        None, True, True,
    )  # fmt: skip


def test_a_payload_that_is_gone_is_a_miss(cache: Cache, lineage: MemoryLineage, store: PayloadStore) -> None:
    published(lineage, store).unlink()
    assert "'file' is missing" in cache.lookup(step("a"), KEY, {}).reason


def test_an_older_execution_serves_where_the_newest_is_damaged(
    cache: Cache, lineage: MemoryLineage, store: PayloadStore
) -> None:
    published(lineage, store, attempt=1)
    published(lineage, store, attempt=2).unlink()
    assert cache.lookup(step("a"), KEY, {}).hit.name == "run-1/a/1"


@pytest.mark.parametrize(
    ("node", "reason"),
    [
        (step("a", cache=CachePolicy.OFF), "its cache is off"),
        (step("a", cache=CachePolicy.REFRESH), "a refresh was asked for"),
        (step("a", in_process=True), "its code cannot be imported again, so it has no digest"),
    ],
)
def test_a_node_that_does_not_ask_says_why(
    cache: Cache, lineage: MemoryLineage, store: PayloadStore, node: PlannedNode, reason: str
) -> None:
    published(lineage, store)
    assert (cache.lookup(node, KEY, {}).hit, cache.lookup(node, KEY, {}).reason) == (None, reason)


class TestExternalEffects:
    def test_without_a_check_it_happens_again(self, cache: Cache, lineage: MemoryLineage, store: PayloadStore) -> None:
        published(lineage, store)
        assert "declares no check" in cache.lookup(external(), KEY, {}).reason

    def test_with_a_check_that_holds_it_is_a_hit(
        self, cache: Cache, lineage: MemoryLineage, store: PayloadStore
    ) -> None:
        published(lineage, store)
        assert cache.lookup(external(f"{HERE}:holds"), KEY, {"there": True}).hit

    def test_with_a_check_that_does_not_hold_it_happens_again(
        self, cache: Cache, lineage: MemoryLineage, store: PayloadStore
    ) -> None:
        published(lineage, store)
        assert "no longer holds" in cache.lookup(external(f"{HERE}:holds"), KEY, {"there": False}).reason

    @pytest.mark.parametrize("check", [f"{HERE}:breaks", f"{HERE}:gone", "nowhere.at:all"])
    def test_a_check_that_breaks_is_a_miss_that_says_how(
        self, cache: Cache, lineage: MemoryLineage, store: PayloadStore, check: str
    ) -> None:
        published(lineage, store)
        assert f"its check {check} failed: " in cache.lookup(external(check), KEY, {}).reason


def test_why_names_the_part_that_differs_with_both_values(lineage: MemoryLineage, store: PayloadStore) -> None:
    published(lineage, store)
    assert why(lineage, "p", "a", {"code": "2", "python": "3.11"}) == (
        "run-1/a/1", [Difference(part="code", before="1", now="2")],
    )  # fmt: skip


def test_of_a_node_that_never_ran_nothing_differs(lineage: MemoryLineage) -> None:
    assert why(lineage, "p", "b", {}) == ("", [])
