"""Claims about models that come and go beside others. Each story is told once; every claim is about one thing in it.

Loading takes seconds on some servers, so that a story serves many claims.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import pytest

from cmcore.errors import InferenceStatus
from cmcore.serving.backend import ServedModel, ServedState
from cmcore.testing.serving_models import to_double, to_measure
from cmcore.testing.serving_stage import Asking, Outcome, Stage, given, later, refusal, status

VISITOR, GUEST, TROUBLE, SLOW = "cm-visitor", "cm-guest", "cm-trouble", "cm-slow"
NOT_SERVED = (InferenceStatus.NOT_FOUND, InferenceStatus.UNAVAILABLE)
ANOTHER_OWNER = {"project": "another", "endpoint": "tiny", "number": "1"}
REASON = "there are no weights in this folder"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A model is placed twice, loaded twice beside others, unloaded under a request, twice, and removed, twice."""

    placed: ServedState | None
    before: Outcome
    taken: str
    disturbed: list[str]
    answered_meanwhile: int
    loaded: ServedState | None
    answer: Outcome
    again: Outcome
    under_way: Outcome
    after: Outcome
    unloaded: ServedState | None
    removed: ServedState | None


def visit(stage: Stage) -> Visit:
    """That story."""
    backend, placement = stage.backend, stage.tiny.moody(VISITOR)
    backend.place(placement)
    backend.place(placement)
    placed, before = stage.state(VISITOR), stage.ask(VISITOR, to_measure("four"))
    taken = refusal(lambda: backend.place(placement.model_copy(update={"owner": ANOTHER_OWNER})))
    with Asking(stage) as others:
        backend.load(VISITOR)
        loaded, answer = stage.state(VISITOR), stage.ask(VISITOR, to_measure("four"))
        backend.load(VISITOR)
        again = stage.ask(VISITOR, to_measure("again"))
        under_way = later(lambda: stage.ask(VISITOR, to_measure("sleep!1.0")))
        time.sleep(0.3)
        backend.unload(VISITOR)
    after, unloaded = stage.ask(VISITOR, to_measure("four")), stage.state(VISITOR)
    backend.unload(VISITOR)
    backend.remove(VISITOR)
    backend.remove(VISITOR)
    return Visit(
        placed=placed, before=before, taken=taken, disturbed=others.failures, answered_meanwhile=others.answers,
        loaded=loaded, answer=answer, again=again, under_way=under_way.result(), after=after, unloaded=unloaded,
        removed=stage.state(VISITOR),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """One process places a model; a second one sees it, loads it and goes; the first takes it away."""

    seen: ServedState | None
    asked_by_second: Outcome
    asked_after_second_left: Outcome
    known_to_third: ServedState | None
    cleared: ServedState | None


def handover(stage: Stage) -> Handover:
    """That story, with a third process that clears up."""
    stage.backend.place(stage.tiny.doubling(GUEST))
    second = stage.opened()
    second.load(GUEST)
    seen = second.models().get(GUEST)
    asked = second.infer(GUEST, to_double([[1, 2]]))
    second.close()
    left = stage.ask(GUEST, to_double([[1, 2]]))
    third = stage.opened()
    known = third.models().get(GUEST)
    third.unload(GUEST)
    third.remove(GUEST)
    third.close()
    return Handover(
        seen=seen.state if seen else None,
        asked_by_second=asked,
        asked_after_second_left=left,
        known_to_third=known.state if known else None,
        cleared=stage.state(GUEST),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A model that cannot be loaded beside others, is removed, and replaced by a good one under the same name."""

    refused: str
    asked: Outcome
    disturbed: list[str]
    listed: ServedModel | None
    removed: ServedState | None
    replaced: Outcome


def trouble(stage: Stage) -> Trouble:
    """That story."""
    backend = stage.backend
    backend.place(stage.tiny.doubling(TROUBLE, refuses=REASON))
    with Asking(stage) as others:
        refused = refusal(lambda: backend.load(TROUBLE))
    asked, listed = stage.ask(TROUBLE, to_double([[1, 2]])), backend.models().get(TROUBLE)
    backend.remove(TROUBLE)
    removed = stage.state(TROUBLE)
    stage.load(stage.tiny.doubling(TROUBLE))
    replaced = stage.ask(TROUBLE, to_double([[1, 2]]))
    stage.clear(TROUBLE)
    return Trouble(
        refused=refused, asked=asked, disturbed=others.failures, listed=listed,
        removed=removed, replaced=replaced,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class TooSlow:
    """A model that takes longer to load than its `load_timeout_s`, and what is left of it."""

    refused: str
    took_s: float
    removed: ServedState | None
    others_answer: bool


def too_slow(stage: Stage) -> TooSlow:
    """That story: ten seconds to load, and two are allowed."""
    placement = stage.tiny.doubling(SLOW, loads_for_s=10)
    inference = placement.inference.model_copy(update={"load_timeout_s": 2.0})
    stage.backend.place(placement.model_copy(update={"inference": inference}))
    started = time.monotonic()
    refused = refusal(lambda: stage.backend.load(SLOW))
    took_s = time.monotonic() - started
    stage.clear(SLOW)
    return TooSlow(refused=refused, took_s=took_s, removed=stage.state(SLOW), others_answer=stage.healthy())


class VisitClaims:
    """What happens to a model that comes and goes, and to those beside it."""

    @pytest.fixture(scope="class")
    @classmethod
    def visit(cls, stage: Stage) -> Visit:
        """What was seen of a model that came and went."""
        return visit(stage)

    @pytest.fixture(scope="class")
    @classmethod
    def handover(cls, stage: Stage) -> Handover:
        """What was seen of a model that one process placed and another loaded."""
        return handover(stage)

    @pytest.fixture(scope="class")
    @classmethod
    def trouble(cls, stage: Stage) -> Trouble:
        """What was seen of a model that cannot be loaded."""
        return trouble(stage)

    @pytest.fixture(scope="class")
    @classmethod
    def too_slow(cls, stage: Stage) -> TooSlow:
        """What was seen of a model that takes too long to load."""
        return too_slow(stage)

    def test_a_placed_model_is_not_ready_before_it_is_loaded(self, visit: Visit) -> None:
        assert visit.placed in (None, ServedState.UNAVAILABLE)

    def test_a_placed_model_does_not_answer_before_it_is_loaded(self, visit: Visit) -> None:
        assert status(visit.before) in NOT_SERVED

    def test_a_name_that_somebody_else_has_is_refused(self, visit: Visit) -> None:
        assert visit.taken.startswith("ModelRefusedError: ")

    def test_the_refusal_of_a_name_says_which_and_whose_it_is(self, visit: Visit) -> None:
        assert (VISITOR in visit.taken, "contract" in visit.taken) == (True, True)

    def test_loading_beside_others_fails_no_request(self, visit: Visit) -> None:
        assert visit.disturbed == []

    def test_others_were_asked_all_the_while(self, visit: Visit) -> None:
        assert visit.answered_meanwhile >= 10

    def test_a_loaded_model_is_ready_when_load_returns(self, visit: Visit) -> None:
        assert visit.loaded is ServedState.READY

    def test_a_loaded_model_answers_when_load_returns(self, visit: Visit) -> None:
        assert given(visit.answer, "length") == [4.0]

    def test_loading_twice_is_the_same_as_once(self, visit: Visit) -> None:
        assert given(visit.again, "length") == [5.0]

    def test_a_request_under_way_is_answered_although_its_model_is_unloaded(self, visit: Visit) -> None:
        assert given(visit.under_way, "length") == [9.0]

    def test_an_unloaded_model_does_not_answer(self, visit: Visit) -> None:
        assert status(visit.after) in NOT_SERVED

    def test_an_unloaded_model_is_not_ready(self, visit: Visit) -> None:
        assert visit.unloaded in (None, ServedState.UNAVAILABLE)

    def test_a_removed_model_is_not_ready(self, visit: Visit) -> None:
        assert visit.removed in (None, ServedState.UNAVAILABLE)

    def test_what_one_process_placed_another_can_load(self, handover: Handover) -> None:
        assert handover.seen is ServedState.READY

    def test_what_another_process_loaded_answers(self, handover: Handover) -> None:
        assert given(handover.asked_by_second, "y") == [2.0, 4.0]

    def test_a_process_that_closes_leaves_its_models(self, handover: Handover) -> None:
        assert given(handover.asked_after_second_left, "y") == [2.0, 4.0]

    def test_a_further_process_sees_what_is_loaded(self, handover: Handover) -> None:
        assert handover.known_to_third is ServedState.READY

    def test_any_process_can_clear_what_another_loaded(self, handover: Handover) -> None:
        assert handover.cleared in (None, ServedState.UNAVAILABLE)

    def test_a_model_that_does_not_load_is_refused_with_its_reason(self, trouble: Trouble) -> None:
        assert (trouble.refused.startswith("ModelRefusedError: "), REASON in trouble.refused) == (True, True)

    def test_a_refused_model_does_not_answer(self, trouble: Trouble) -> None:
        assert status(trouble.asked) in NOT_SERVED

    def test_a_refused_model_is_listed_with_its_reason_or_not_at_all(self, trouble: Trouble) -> None:
        listed = trouble.listed
        assert listed is None or (listed.state is ServedState.UNAVAILABLE and bool(listed.reason))

    def test_a_model_that_does_not_load_disturbs_no_other(self, trouble: Trouble) -> None:
        assert trouble.disturbed == []

    def test_a_refused_model_can_be_removed(self, trouble: Trouble) -> None:
        assert trouble.removed in (None, ServedState.UNAVAILABLE)

    def test_a_good_model_can_take_the_place_of_a_refused_one(self, trouble: Trouble) -> None:
        assert given(trouble.replaced, "y") == [2.0, 4.0]

    def test_a_model_that_takes_too_long_is_refused(self, too_slow: TooSlow) -> None:
        assert too_slow.refused.startswith("ModelRefusedError: ")

    def test_the_refusal_comes_when_the_time_is_up(self, too_slow: TooSlow) -> None:
        assert 2.0 <= too_slow.took_s < 9.0

    def test_a_model_that_took_too_long_can_be_removed(self, too_slow: TooSlow) -> None:
        assert too_slow.removed in (None, ServedState.UNAVAILABLE)

    def test_a_model_that_takes_too_long_disturbs_no_other(self, too_slow: TooSlow) -> None:
        assert too_slow.others_answer

    def test_what_was_never_placed_cannot_be_loaded(self, stage: Stage) -> None:
        assert refusal(lambda: stage.backend.load("cm-never")).startswith("ModelRefusedError: ")

    def test_what_was_never_placed_can_be_unloaded_and_removed(self, stage: Stage) -> None:
        stage.clear("cm-never")
        assert stage.state("cm-never") is None
