"""Claims about capabilities: what a backend says that it can do, it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from cmcore.errors import InferenceStatus
from cmcore.serving.backend import Placement
from cmcore.serving.document import Autoscaling, InstanceGroup, Queue, RateLimit
from cmcore.testing.serving_models import to_double, to_measure
from cmcore.testing.serving_stage import MOODY, Stage, given, status

ASKING_MORE, CACHED, QUEUED, ENSEMBLE = "cm-asking-more", "cm-cached", "cm-queued", "cm-ensemble"


def with_inference(placement: Placement, **changes: object) -> Placement:
    """The placement with another inference config."""
    return placement.model_copy(update={"inference": placement.inference.model_copy(update=changes)})


def autoscaled(placement: Placement) -> Placement:
    """The placement with one instance or two."""
    deployment = placement.deployment.model_copy(update={"autoscaling": Autoscaling(max_instances=2)})
    return placement.model_copy(update={"deployment": deployment})


MORE: Mapping[str, Callable[[Placement], Placement]] = {
    "instance_groups": lambda it: with_inference(it, instance_groups=(InstanceGroup(kind="cpu", count=2),)),
    "rate_limit": lambda it: with_inference(it, rate_limit=RateLimit(resources={"seat": 1}, priority=1)),
    "autoscaling": autoscaled,
}


class CapabilityClaims:
    """What follows from a capability; skipped where the backend does not claim it."""

    @pytest.mark.parametrize("capable", sorted(MORE), indirect=True)
    def test_a_model_that_asks_for_more_is_loaded_and_answers(
        self, capable: Stage, request: pytest.FixtureRequest
    ) -> None:
        more = MORE[request.node.callspec.params["capable"]]
        capable.load(more(capable.tiny.doubling(ASKING_MORE)))
        answer = capable.ask(ASKING_MORE, to_double([[1, 2]]))
        capable.clear(ASKING_MORE)
        assert given(answer, "y") == [2.0, 4.0]

    @pytest.mark.parametrize("capable", ["batching"], indirect=True)
    def test_requests_that_wait_are_answered_together(self, capable: Stage) -> None:
        outcomes = capable.behind_a_slow_one(MOODY, [to_measure("four")] * 4)
        assert max(int(given(outcome, "together")[0]) for outcome in outcomes) > 1

    @pytest.mark.parametrize("capable", ["batching"], indirect=True)
    def test_each_of_those_that_are_answered_together_has_its_own_answer(self, capable: Stage) -> None:
        words = ["one", "three", "fifteen", ""]
        outcomes = capable.behind_a_slow_one(MOODY, [to_measure(word) for word in words])
        assert [given(outcome, "length") for outcome in outcomes] == [[3.0], [5.0], [7.0], [0.0]]

    @pytest.mark.parametrize("capable", ["response_cache"], indirect=True)
    def test_equal_requests_are_answered_from_the_cache(self, capable: Stage) -> None:
        capable.load(with_inference(capable.tiny.doubling(CACHED), response_cache=True))
        answers = [capable.ask(CACHED, to_double([[1, 2]])) for _ in range(5)]
        hits = capable.traffic_once(CACHED, lambda now: now.cache_hits > 0).cache_hits
        capable.clear(CACHED)
        assert (hits > 0, given(answers[-1], "y")) == (True, [2.0, 4.0])

    @pytest.mark.parametrize("capable", ["queue_policy"], indirect=True)
    def test_requests_beyond_the_queue_are_refused(self, capable: Stage) -> None:
        capable.load(with_inference(capable.tiny.moody(QUEUED), queue=Queue(max_size=1)))
        outcomes = capable.behind_a_slow_one(QUEUED, [to_measure("sleep!0.1")] * 8)
        capable.clear(QUEUED)
        assert InferenceStatus.UNAVAILABLE in {status(outcome) for outcome in outcomes}

    @pytest.mark.parametrize("capable", ["ensembles"], indirect=True)
    def test_an_ensemble_answers_as_its_models_would_one_after_the_other(self, capable: Stage) -> None:
        capable.load(capable.tiny.ensemble(ENSEMBLE))
        answer = capable.ask(ENSEMBLE, to_double([[1, 2]]))
        capable.clear(ENSEMBLE)
        assert given(answer, "z") == [4.0, 8.0]
