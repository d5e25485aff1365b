"""Claims about the server behind a backend: found or started, counted, left by `close`, ended by `stop`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from cmcore.serving.backend import ServedState, Traffic
from cmcore.testing.serving_models import to_double, to_measure
from cmcore.testing.serving_stage import DOUBLING, ECHO, MOODY, Outcome, Stage, given, refusal, unreadable

STANDING = (DOUBLING, ECHO, MOODY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """The server is stopped, twice, and started again; then what was placed is loaded again."""

    asked: str
    listed: str
    ready: Sequence[str]
    restored: Outcome


def restart(stage: Stage) -> Restart:
    """That story; the standing models are loaded at its end."""
    backend = stage.backend
    backend.stop()
    backend.stop()
    asked = refusal(lambda: backend.infer(DOUBLING, to_double([[1, 2]])))
    listed = refusal(backend.models)
    backend.start()
    ready = [model.name for model in backend.models().values() if model.state is ServedState.READY]
    for name in STANDING:
        backend.load(name)
    return Restart(asked=asked, listed=listed, ready=ready, restored=stage.ask(DOUBLING, to_double([[1, 2]])))


class LifetimeClaims:
    """What a backend says of its server, and when the server is there."""

    @pytest.fixture(scope="class")
    @classmethod
    def restart(cls, stage: Stage, stoppable: bool) -> Restart:
        """What was seen of a server that was stopped and started."""
        if not stoppable:
            pytest.skip("this server is somebody else's")
        return restart(stage)

    def test_starting_twice_is_the_same_as_once(self, stage: Stage) -> None:
        stage.backend.start()
        assert stage.healthy()

    def test_another_object_finds_the_server_that_is_there(self, stage: Stage) -> None:
        another = stage.opened()
        another.start()
        found = another.models()
        another.close()
        assert {name for name in STANDING if found[name].state is ServedState.READY} == set(STANDING)

    def test_closing_leaves_the_server(self, stage: Stage) -> None:
        another = stage.opened()
        another.models()
        another.close()
        assert stage.healthy()

    def test_closing_twice_is_the_same_as_once(self, stage: Stage) -> None:
        another = stage.opened()
        another.close()
        another.close()
        assert stage.healthy()

    def test_the_server_says_what_it_is(self, stage: Stage) -> None:
        assert stage.backend.capabilities().server

    def test_loaded_models_are_listed_as_ready(self, stage: Stage) -> None:
        assert {stage.state(name) for name in STANDING} == {ServedState.READY}

    def test_a_model_is_listed_under_its_name(self, stage: Stage) -> None:
        assert [name for name, model in stage.backend.models().items() if model.name != name] == []

    def test_answered_requests_are_counted(self, stage: Stage) -> None:
        before = stage.traffic_at_rest(DOUBLING).answered
        stage.at_once(DOUBLING, [to_double([[1, 2]])] * 5)
        assert stage.traffic_once(DOUBLING, lambda now: now.answered >= before + 5).answered == before + 5

    def test_failed_requests_are_counted(self, stage: Stage) -> None:
        before = stage.traffic_at_rest(MOODY).failed
        stage.ask(MOODY, to_measure("raise!"))
        assert stage.traffic_once(MOODY, lambda now: now.failed > before).failed == before + 1

    def test_counters_do_not_fall_while_a_model_is_loaded(self, stage: Stage) -> None:
        before = stage.traffic(DOUBLING)
        stage.at_once(DOUBLING, [to_double([[1, 2]])] * 3)
        now = stage.traffic(DOUBLING)
        assert (now.answered >= before.answered, now.failed >= before.failed) == (True, True)

    def test_another_process_counts_the_same(self, stage: Stage) -> None:
        counted = stage.traffic(DOUBLING).answered
        another = stage.opened()
        found = another.traffic().get(DOUBLING, Traffic()).answered
        another.close()
        assert found >= counted

    def test_metrics_are_prometheus_text(self, stage: Stage) -> None:
        stage.ask(DOUBLING, to_double([[1, 2]]))
        assert list(unreadable(stage.backend.metrics())) == []

    def test_there_are_metrics(self, stage: Stage) -> None:
        assert [line for line in stage.backend.metrics().splitlines() if line and not line.startswith("#")]

    def test_a_stopped_server_answers_nobody(self, restart: Restart) -> None:
        assert restart.asked.startswith("ServingError: ")

    def test_a_stopped_server_lists_nothing(self, restart: Restart) -> None:
        assert restart.listed.startswith("ServingError: ")

    def test_a_server_that_is_started_again_has_no_models(self, restart: Restart) -> None:
        assert restart.ready == []

    def test_what_was_placed_can_be_loaded_after_a_restart(self, restart: Restart) -> None:
        assert given(restart.restored, "y") == [2.0, 4.0]
