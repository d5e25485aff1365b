"""What differs between two revisions."""

from __future__ import annotations

from cmcore.serving.difference import Difference, differences
from cmcore.serving.document import Batching, DeploymentConfig, Endpoint, InferenceConfig
from cmcore.serving.values import Revision
from tests.unit.serving.wanted import document


def revision(number: int, wanted: Endpoint, version: str) -> Revision:
    """A revision of one variant."""
    return Revision(
        endpoint="tiny", number=number, document=wanted, wanted={"main": number}, resolved={"main": version},
        actor="ada", at=0.0,
    )  # fmt: skip


def test_equal_revisions_differ_in_nothing() -> None:
    assert differences(revision(1, document(), "tiny@1.0.0"), revision(2, document(), "tiny@1.0.0")) == []


def test_each_key_that_differs_is_told_with_both_values() -> None:
    larger = InferenceConfig(batching=Batching(max_batch_size=128))
    after = document().model_copy(update={"deployment": DeploymentConfig(instances=2), "inference": larger})
    assert differences(revision(1, document(), "tiny@1.0.0"), revision(2, after, "tiny@1.0.0")) == [
        Difference(key="deployment.instances", before=1, after=2),
        Difference(key="inference.batching.max_batch_size", before=64, after=128),
    ]


def test_a_moved_alias_is_told_as_a_version() -> None:
    wanted = document("tiny@production")
    assert differences(revision(1, wanted, "tiny@1.0.0"), revision(2, wanted, "tiny@1.1.0")) == [
        Difference(key="variants.main: version", before="tiny@1.0.0", after="tiny@1.1.0")
    ]


def test_variants_are_compared_by_their_names() -> None:
    keys = {it.key for it in differences(
        revision(1, document("a@1.0.0", "b@1.0.0"), "a@1.0.0"), revision(2, document("a@1.0.0"), "a@1.0.0")
    )}  # fmt: skip
    assert {"variants.v1.model", "variants.v1.share"} <= keys
