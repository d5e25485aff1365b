from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmcore.errors import UsageError
from cmcore.lineage.memory import MemoryLineage
from cmcore.pipelines.resolver import LatestArtifact, LatestBlessedModel, Query, Resolver, SpanRange
from cmcore.testing.resolver import PIPELINE, ResolverContract, publish


class TestLatestArtifact(ResolverContract):
    @pytest.fixture
    def resolver(self) -> Resolver:
        return LatestArtifact()

    @pytest.fixture
    def parameters(self) -> Mapping[str, object]:
        return {"type": "Examples"}

    def test_the_newest_is_found(self, resolver: Resolver) -> None:
        assert self.found(resolver, {"type": "Model"}, of_models("a", "b", "c")) == ["sha256:c"]

    def test_another_pipeline_s_is_not_found(self, resolver: Resolver) -> None:
        lineage = MemoryLineage()
        publish(lineage, "Model", run="run-1", digest="sha256:1", pipeline="other")
        assert self.found(resolver, {"type": "Model"}, lineage) == []

    def test_unless_any_pipeline_will_do(self, resolver: Resolver) -> None:
        lineage = MemoryLineage()
        publish(lineage, "Model", run="run-1", digest="sha256:1", pipeline="other")
        assert self.found(resolver, {"type": "Model", "any_pipeline": True}, lineage) == ["sha256:1"]

    def test_a_type_is_found_by_its_recorded_name(self, resolver: Resolver) -> None:
        lineage = MemoryLineage()
        publish(lineage, "ExampleStatistics", run="run-1", digest="sha256:1")
        assert self.found(resolver, {"type": "Statistics"}, lineage) == ["sha256:1"]

    def found(self, resolver: Resolver, parameters: Mapping[str, object], lineage: MemoryLineage) -> list[str]:
        return [it.digest for it in self.ask(resolver, parameters, lineage)["artifact"]]


class TestLatestBlessedModel(ResolverContract):
    @pytest.fixture
    def resolver(self) -> Resolver:
        return LatestBlessedModel()

    def test_the_newest_with_a_positive_blessing_is_found(self, resolver: Resolver) -> None:
        lineage = of_models("a", "b", "c")
        bless(lineage, "a", "b")
        assert blessed_model(resolver, lineage) == ["sha256:b"]

    def test_a_negative_blessing_does_not_count(self, resolver: Resolver) -> None:
        lineage = of_models("a", "b")
        bless(lineage, "a")
        bless(lineage, "b", blessed=False)
        assert blessed_model(resolver, lineage) == ["sha256:a"]

    def test_a_blessing_of_a_model_that_is_not_recorded_does_not_count(self, resolver: Resolver) -> None:
        lineage = of_models("a")
        bless(lineage, "a", "gone")
        assert blessed_model(resolver, lineage) == ["sha256:a"]

    def test_the_candidate_is_never_found_though_it_is_blessed(self, resolver: Resolver) -> None:
        lineage = of_models("a", "b")
        bless(lineage, "a", "b")
        assert blessed_model(resolver, lineage, candidate="b") == ["sha256:a"]

    def test_the_candidate_s_bytes_under_another_name_are_not_found_either(self, resolver: Resolver) -> None:
        lineage = of_models("a", "b")
        publish(lineage, "Model", run="again", digest="sha256:b")
        bless(lineage, "a", "b")
        assert blessed_model(resolver, lineage, candidate="b") == ["sha256:a"]

    @given(
        blessed=st.lists(st.sampled_from("abcd"), max_size=6), candidate=st.sampled_from(["", *"abcd"]),
    )  # fmt: skip
    def test_what_is_found_is_blessed_and_not_the_candidate(self, blessed: list[str], candidate: str) -> None:
        lineage = of_models(*"abcd")
        bless(lineage, *blessed)
        (*others,) = [name for name in blessed if name != candidate]
        assert blessed_model(LatestBlessedModel(), lineage, candidate=candidate) == [
            f"sha256:{name}" for name in others[-1:]
        ]


class TestSpanRange(ResolverContract):
    @pytest.fixture
    def resolver(self) -> Resolver:
        return SpanRange()

    @pytest.mark.parametrize(
        ("parameters", "spans"),
        [
            ({}, [1, 2, 3, 5]), ({"first": 2}, [2, 3, 5]), ({"last": 3}, [1, 2, 3]), ({"first": 2, "last": 3}, [2, 3]),
            ({"count": 2}, [3, 5]), ({"last": 3, "count": 2}, [2, 3]), ({"first": 9}, []),
            ({"count": 99}, [1, 2, 3, 5]),
        ],
    )  # fmt: skip
    def test_the_spans_of_a_range_come_in_order(
        self, resolver: Resolver, parameters: Mapping[str, object], spans: list[int]
    ) -> None:
        lineage = MemoryLineage()
        for span in (3, 1, 5, 2):
            publish(lineage, "Examples", run=f"run-{span}", digest=f"sha256:{span}", span=span)
        found = self.ask(resolver, parameters, lineage)["examples"]
        assert [it.properties["span"] for it in found] == spans

    def test_of_each_span_the_newest_is_found(self, resolver: Resolver) -> None:
        lineage = MemoryLineage()
        publish(lineage, "Examples", run="run-1", digest="sha256:old", span=1)
        publish(lineage, "Examples", run="run-2", digest="sha256:new", span=1)
        assert [it.digest for it in self.ask(resolver, {}, lineage)["examples"]] == ["sha256:new"]

    @pytest.mark.parametrize("parameters", [{"first": "a"}, {"last": 1.5}])
    def test_bounds_that_are_no_integers_are_refused(
        self, resolver: Resolver, filled: MemoryLineage, parameters: Mapping[str, object]
    ) -> None:
        with pytest.raises(UsageError, match="spans are counted in integers"):
            self.ask(resolver, parameters, filled)


def of_models(*names: str) -> MemoryLineage:
    lineage = MemoryLineage()
    for name in names:
        publish(lineage, "Model", run=f"run-{name}", digest=f"sha256:{name}")
    return lineage


def bless(lineage: MemoryLineage, *names: str, blessed: bool = True) -> None:
    for number, name in enumerate(names):
        run = f"blessing-{name}-{number}-{blessed}".lower()
        publish(
            lineage, "ModelBlessing", run=run, digest=f"sha256:{run}", blessed=blessed, current_model=f"sha256:{name}"
        )


def blessed_model(resolver: Resolver, lineage: MemoryLineage, *, candidate: str = "") -> list[str]:
    """The digest of what is found beside a candidate."""
    models = [it for it in lineage.latest("Model") if it.digest == f"sha256:{candidate}"]
    query = Query(parameters={}, inputs={"candidate": models}, lineage=lineage, pipeline=PIPELINE)
    return [it.digest for it in resolver.resolve(query)["model"]]
