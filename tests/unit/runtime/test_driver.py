from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cmcore.errors import LeaseLostError, UsageError
from cmcore.events import EventKind
from cmcore.lineage.memory import MemoryLineage
from cmcore.lineage.record import ExecutionRecord
from cmcore.pipelines.document import CachePolicy, Retries
from cmcore.pipelines.plan import Plan, downstream
from cmcore.runtime.driver import Driver
from cmcore.runtime.job import FailureCode
from cmcore.runtime.run import Order
from cmcore.runtime.states import NodeState, RunState, blocked_by
from cmcore.state.database import StateDatabase
from cmcore.state.tables import LEASES
from tests.unit.runtime.world import HANGS, RAISES, KilledError, World, chain, plan, plans, scripts, states, step

MakeWorld = Callable[..., World]
ANY_WORLD = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TWICE = Retries(attempts=2, backoff_s=1.0)
COMPLETE, FAILED, SKIPPED = NodeState.COMPLETE, NodeState.FAILED, NodeState.SKIPPED


def canceling(after: int) -> Callable[[Driver], object]:
    """Cancels the run at its so-many-th event."""

    @contextmanager
    def interruptible(driver: Driver) -> Iterator[None]:
        books, seen = driver.chronicle.books, []

        def heard(event: object) -> None:
            seen.append(event)
            books.listen(event)
            driver.cancel("Ctrl-C") if len(seen) == after else None

        driver.chronicle.books = replace(books, listen=heard)
        yield

    return interruptible


@st.composite
def ways(draw: st.DrawFn) -> tuple[Plan, dict[str, list[str]], int, int]:
    """A graph, how its tries go, which of n ends first, and how many workers there are."""
    graph = draw(plans())
    return graph, draw(scripts(node.name for node in graph.nodes)), draw(st.integers(0, 5)), draw(st.integers(1, 4))


class TestOrder:
    def test_a_node_runs_after_the_one_that_it_reads(self, world: World) -> None:
        world.run(chain("a", "b", "c"))
        assert world.submitted() == ["a", "b", "c"]

    def test_independent_nodes_are_under_way_together(self, world: World) -> None:
        world.run(plan(step("a"), step("b"), step("c", "a", "b")))
        kinds = [(event.kind, event.node) for event in world.heard if event.node in ("a", "b")]
        assert kinds.index((EventKind.ATTEMPT_SUBMITTED, "b")) < kinds.index((EventKind.NODE_FINISHED, "a"))

    def test_no_more_are_under_way_than_there_are_workers(self, make_world: MakeWorld) -> None:
        world = make_world(workers=1)
        world.run(plan(step("a"), step("b")))
        kinds = [(event.kind, event.node) for event in world.heard if event.node]
        assert kinds.index((EventKind.NODE_FINISHED, "a")) < kinds.index((EventKind.ATTEMPT_SUBMITTED, "b"))

    def test_a_node_waits_for_the_cpus_that_it_asks_for(self, world: World) -> None:
        world.run(plan(step("a", cpu_cores=3), step("b", cpu_cores=3)))
        kinds = [(event.kind, event.node) for event in world.heard if event.node]
        assert kinds.index((EventKind.NODE_FINISHED, "a")) < kinds.index((EventKind.ATTEMPT_SUBMITTED, "b"))

    def test_a_node_that_asks_for_more_than_the_machine_has_runs_alone(self, world: World) -> None:
        assert states(world.run(plan(step("a", cpu_cores=500)))) == {"a": COMPLETE}


class TestFailure:
    def test_what_needs_a_failed_node_is_skipped_with_the_reason(self, make_world: MakeWorld) -> None:
        result = make_world(script={"a": [RAISES]}).run(chain("a", "b", "c"))
        assert [result.nodes[name].reason for name in "bc"] == ["node 'a' is FAILED", "node 'b' is SKIPPED"]

    def test_a_skip_is_recorded_with_its_reason(self, make_world: MakeWorld) -> None:
        world = make_world(script={"a": [RAISES]})
        run = world.run(chain("a", "b")).run
        (record,) = [it for it in world.lineage.executions(run) if it.node == "b"]
        assert (record.state, record.facts) == ("SKIPPED", {"skip_reason": "node 'a' is FAILED"})

    def test_a_failure_stops_what_has_not_begun(self, make_world: MakeWorld) -> None:
        world = make_world(script={"a": [RAISES]}, workers=1)
        result = world.run(plan(step("a"), step("b")))
        assert (states(result)["b"], result.nodes["b"].reason) == (SKIPPED, "node 'a' failed")

    def test_a_failure_that_may_be_left_behind_stops_only_what_needs_it(self, make_world: MakeWorld) -> None:
        world = make_world(script={"a": [RAISES]}, workers=1)
        result = world.run(plan(step("a", stop=False), step("b", "a"), step("c")))
        assert states(result) == {"a": FAILED, "b": SKIPPED, "c": COMPLETE}

    def test_a_run_with_a_failure_left_behind_has_failed_all_the_same(self, make_world: MakeWorld) -> None:
        world = make_world(script={"a": [RAISES]})
        assert world.run(plan(step("a", stop=False), step("b"))).state is RunState.FAILED

    def test_the_record_of_a_failure_has_its_code_and_message(self, make_world: MakeWorld) -> None:
        world = make_world(script={"a": [RAISES]})
        run = world.run(chain("a")).run
        (record,) = world.lineage.executions(run)
        assert (record.facts["failure.code"], record.facts["failure.message"]) == ("RAISED", "try 1")

    def test_a_stop_does_not_wait_for_what_would_be_tried_again(self, make_world: MakeWorld) -> None:
        world = make_world(script={"a": [RAISES], "b": [RAISES]})
        slow = Retries(attempts=2, backoff_s=3600, max_backoff_s=3600)
        started = world.clock.now
        world.run(plan(step("a", retries=slow), step("b")))
        assert world.clock.now - started < 3600


class TestRetries:
    def test_a_failed_attempt_is_made_again(self, make_world: MakeWorld) -> None:
        world = make_world(script={"a": [RAISES]})
        run = world.run(chain("a", retries=TWICE)).run
        assert world.executions(run, "a") == ["FAILED", "COMPLETE"]

    def test_the_last_failure_counts(self, make_world: MakeWorld) -> None:
        result = make_world(script={"a": [RAISES, RAISES]}).run(chain("a", retries=TWICE))
        assert (result.nodes["a"].state, result.nodes["a"].reason) == (FAILED, "RAISED: try 2")

    def test_waits_grow_by_the_factor_up_to_the_longest(self, make_world: MakeWorld) -> None:
        world = make_world(script={"a": [RAISES] * 4})
        world.run(chain("a", retries=Retries(attempts=5, backoff_s=2.0, factor=3.0, max_backoff_s=10.0)))
        assert world.submitted_at() == [0.0, 2.0, 8.0, 18.0, 28.0]

    def test_attempts_are_numbered_from_one(self, make_world: MakeWorld) -> None:
        world = make_world(script={"a": [RAISES]})
        world.run(chain("a", retries=TWICE))
        submitted = [event.address for event in world.heard if event.kind is EventKind.ATTEMPT_SUBMITTED]
        assert [address.rpartition("/")[2] for address in submitted] == ["1", "2"]

    def test_a_retry_is_told_with_its_reason_and_wait(self, make_world: MakeWorld) -> None:
        world = make_world(script={"a": [RAISES]})
        world.run(chain("a", retries=TWICE))
        (event,) = [event for event in world.heard if event.kind is EventKind.NODE_RETRYING]
        assert event.data == {"reason": "try 1", "code": "RAISED", "wait_s": 1.0}


class TestTimeout:
    def test_an_attempt_that_hangs_is_over_when_its_time_is_up(self, make_world: MakeWorld) -> None:
        world = make_world(script={"a": [HANGS]})
        result = world.run(chain("a", timeout_s=5.0))
        failure = result.nodes["a"].failure
        assert failure is not None
        assert (failure.code, failure.message) == (FailureCode.TIMED_OUT, "it ran longer than its timeout of 5.0 s")

    def test_it_is_tried_again_like_any_other_failure(self, make_world: MakeWorld) -> None:
        world = make_world(script={"a": [HANGS]})
        assert states(world.run(chain("a", timeout_s=5.0, retries=TWICE))) == {"a": COMPLETE}

    def test_no_time_is_lost_beyond_the_timeout(self, make_world: MakeWorld) -> None:
        world = make_world(script={"a": [HANGS]})
        started = world.clock.now
        world.run(chain("a", timeout_s=5.0))
        assert world.clock.now - started == pytest.approx(5.0)


class TestCancellation:
    def test_what_has_not_begun_is_canceled(self, make_world: MakeWorld) -> None:
        world = make_world()
        result = world.run(chain("a", "b"), Order(interruptible=canceling(after=2)))
        assert (result.state, states(result)["b"]) == (RunState.CANCELED, NodeState.CANCELED)

    def test_what_runs_is_asked_and_after_the_grace_killed(self, make_world: MakeWorld) -> None:
        world = make_world(script={"a": [HANGS]})
        result = world.run(chain("a"), Order(interruptible=canceling(after=1)))
        assert (states(result), world.executions(result.run, "a")) == ({"a": NodeState.CANCELED}, ["CANCELED"])

    def test_what_ends_well_within_the_grace_is_kept(self, make_world: MakeWorld) -> None:
        world = make_world()
        result = world.run(chain("a", "b"), Order(interruptible=canceling(after=1)))
        assert states(result)["a"] is COMPLETE

    def test_a_failure_under_cancellation_is_not_tried_again(self, make_world: MakeWorld) -> None:
        world = make_world(script={"a": [RAISES]})
        world.run(chain("a", retries=TWICE), Order(interruptible=canceling(after=1)))
        assert world.submitted() == ["a"]

    def test_a_canceled_run_can_be_resumed(self, make_world: MakeWorld) -> None:
        world = make_world()
        canceled = world.run(chain("a", "b"), Order(interruptible=canceling(after=2)))
        assert states(world.resume(canceled.run)) == {"a": COMPLETE, "b": COMPLETE}


class TestPartialRuns:
    def test_only_the_chosen_node_runs(self, world: World) -> None:
        graph = chain("a", "b", "c", cache=CachePolicy.OFF)
        world.run(graph)
        result = world.run(graph, Order(chosen=["b"]))
        assert states(result) == {"a": NodeState.REUSED, "b": COMPLETE, "c": SKIPPED}

    def test_what_is_reused_says_from_where(self, world: World) -> None:
        graph = chain("a", "b", cache=CachePolicy.OFF)
        earlier = world.run(graph).run
        result = world.run(graph, Order(chosen=["b"]))
        assert result.nodes["a"].reason == f"reused from {earlier}/a/1"

    def test_what_was_not_asked_for_says_so(self, world: World) -> None:
        graph = plan(step("a"), step("b"))
        assert world.run(graph, Order(chosen=["a"])).nodes["b"].reason == "not asked for"

    def test_a_node_that_never_ran_cannot_be_left_out(self, world: World) -> None:
        with pytest.raises(UsageError, match="a must have run before, because b needs what it writes"):
            world.run(chain("a", "b"), Order(chosen=["b"]))

    def test_a_partial_run_succeeds(self, world: World) -> None:
        assert world.run(plan(step("a"), step("b")), Order(chosen=["a"])).state is RunState.SUCCEEDED

    def test_a_node_with_many_failures_behind_it_is_found(self, make_world: MakeWorld) -> None:
        graph = chain("a", "b", cache=CachePolicy.OFF)
        world = make_world(script={"a": ["fine", *[RAISES] * 12]})
        results = [world.run(graph) for _ in range(13)]
        again = world.run(graph, Order(chosen=["b"]))
        assert again.nodes["a"].reason == f"reused from {results[0].run}/a/1"


class TestCacheInARun:
    def test_a_second_run_runs_nothing(self, world: World) -> None:
        world.run(chain("a", "b"))
        assert set(states(world.run(chain("a", "b"))).values()) == {NodeState.CACHED}

    def test_another_pipeline_with_equal_nodes_hits(self, world: World) -> None:
        world.run(chain("a", "b"))
        other = chain("a", "b").model_copy(update={"pipeline": "other"})
        assert set(states(world.run(other)).values()) == {NodeState.CACHED}

    def test_a_changed_body_misses(self, world: World) -> None:
        world.run(chain("a"))
        (node,) = chain("a").nodes
        changed = node.model_copy(update={"code": node.code.model_copy(update={"digest": "sha256:edited"})})
        assert states(world.run(plan(changed))) == {"a": COMPLETE}

    def test_what_reads_identical_bytes_hits_though_its_upstream_ran_again(self, world: World) -> None:
        world.run(plan(step("a", cache=CachePolicy.OFF), step("b", "a")))
        result = world.run(plan(step("a", cache=CachePolicy.OFF), step("b", "a")))
        assert states(result) == {"a": COMPLETE, "b": NodeState.CACHED}

    def test_off_is_neither_looked_up_nor_found(self, world: World) -> None:
        world.run(chain("a", cache=CachePolicy.OFF))
        assert states(world.run(chain("a"))) == {"a": COMPLETE}

    def test_refresh_runs_and_is_found_afterwards(self, world: World) -> None:
        world.run(chain("a"))
        refreshed = world.run(chain("a", cache=CachePolicy.REFRESH))
        found = world.run(chain("a"))
        assert (states(refreshed), found.nodes["a"].reason) == ({"a": COMPLETE}, f"same key as {refreshed.run}/a/1")

    def test_a_miss_says_why(self, world: World) -> None:
        world.run(chain("a"))
        (event,) = [event for event in world.heard if event.kind is EventKind.ATTEMPT_SUBMITTED]
        assert event.data["reason"] == "no execution with this key"

    def test_a_hit_has_the_artifacts_of_the_first(self, world: World) -> None:
        first, second = world.run(chain("a")), world.run(chain("a"))
        assert second.outputs["a"]["out"][0].name == first.outputs["a"]["out"][0].name


class TestAnyRun:
    @ANY_WORLD
    @given(way=ways())
    def test_every_run_ends_and_every_node_with_it(self, make_world: MakeWorld, way: tuple) -> None:
        graph, script, first, workers = way
        result = make_world(script=script, choose=lambda n: first % n, workers=workers).run(graph)
        assert all(state.over for state in states(result).values())

    @ANY_WORLD
    @given(way=ways())
    def test_nothing_runs_before_what_it_needs_is_published(self, make_world: MakeWorld, way: tuple) -> None:
        graph, script, first, workers = way
        world = make_world(script=script, choose=lambda n: first % n, workers=workers)
        world.run(graph)
        assert early_starts(graph, world) == []

    @ANY_WORLD
    @given(way=ways())
    def test_nothing_runs_that_needs_a_failed_node(self, make_world: MakeWorld, way: tuple) -> None:
        graph, script, first, workers = way
        world = make_world(script=script, choose=lambda n: first % n, workers=workers)
        failed = [name for name, state in states(world.run(graph)).items() if state is FAILED]
        assert set(world.submitted()) & downstream(graph, failed) == set()

    @ANY_WORLD
    @given(way=ways())
    def test_nothing_is_submitted_after_a_failure_that_stops_the_run(self, make_world: MakeWorld, way: tuple) -> None:
        graph, script, first, workers = way
        world = make_world(script=script, choose=lambda n: first % n, workers=workers)
        world.run(graph)
        assert late_starts(graph, world) == []

    @ANY_WORLD
    @given(way=ways())
    def test_every_node_has_one_final_record_and_a_skip_its_reason(self, make_world: MakeWorld, way: tuple) -> None:
        graph, script, first, workers = way
        world = make_world(script=script, choose=lambda n: first % n, workers=workers)
        result = world.run(graph)
        records = {it.node: it for it in world.lineage.executions(result.run)}
        said = {name: (str(it.state), bool(it.facts.get("skip_reason"))) for name, it in records.items()}
        assert said == {name: (str(it), it is SKIPPED) for name, it in states(result).items()}

    @ANY_WORLD
    @given(way=ways())
    def test_no_node_is_tried_more_often_than_it_may_be(self, make_world: MakeWorld, way: tuple) -> None:
        graph, script, first, workers = way
        world = make_world(script=script, choose=lambda n: first % n, workers=workers)
        world.run(graph)
        tries = {node.name: world.submitted().count(node.name) for node in graph.nodes}
        assert {node.name for node in graph.nodes if tries[node.name] > node.retries.attempts} == set()

    @ANY_WORLD
    @given(way=ways(), moment=st.integers(1, 20))
    def test_a_cancellation_at_any_moment_ends_the_run(self, make_world: MakeWorld, way: tuple, moment: int) -> None:
        graph, script, first, workers = way
        world = make_world(script=script, choose=lambda n: first % n, workers=workers)
        result = world.run(graph, Order(interruptible=canceling(after=moment)))
        open_records = [it for it in world.lineage.executions(result.run) if it.state == "RUNNING"]
        assert (all(state.over for state in states(result).values()), open_records) == (True, [])


DIAMOND = plan(step("a"), step("b", "a"), step("c", "a"), step("d", "b", "c"))
WRITES = 4 * 2 * 4  # four nodes: two appends, a begin and a commit each, before and after


class TestResume:
    @pytest.mark.parametrize("writes", range(WRITES + 4))
    def test_a_run_killed_after_any_prefix_of_its_records_is_completed(
        self, make_world: MakeWorld, writes: int
    ) -> None:
        world = make_world()
        run = killed_after(world, writes)
        assert states(world.resume(run)) == dict.fromkeys("abcd", COMPLETE)

    @pytest.mark.parametrize("writes", range(WRITES + 4))
    def test_every_node_is_published_exactly_once(self, make_world: MakeWorld, writes: int) -> None:
        world = make_world()
        run = killed_after(world, writes)
        world.resume(run)
        assert [world.executions(run, name).count("COMPLETE") for name in "abcd"] == [1, 1, 1, 1]

    @pytest.mark.parametrize("writes", range(WRITES + 4))
    def test_no_published_node_runs_again(self, make_world: MakeWorld, writes: int) -> None:
        world = make_world()
        run = killed_after(world, writes)
        published = {it.node for it in world.lineage.executions(run) if it.state.published}
        world.heard.clear()
        world.resume(run)
        assert set(world.submitted()) & published == set()

    @pytest.mark.parametrize("writes", range(WRITES + 4))
    def test_every_end_stands_in_the_journal_once(self, make_world: MakeWorld, writes: int) -> None:
        world = make_world()
        run = killed_after(world, writes)
        world.resume(run)
        events = world.journal.read(run=run)
        ends = [event.node for event in events if event.kind is EventKind.NODE_FINISHED]
        assert sorted(ends) == list("abcd")

    def test_an_attempt_that_was_under_way_is_recorded_as_lost(self, make_world: MakeWorld) -> None:
        world = make_world()
        run = killed_after(world, 6)
        world.resume(run)
        (lost, _) = [it for it in world.lineage.executions(run) if it.node == "a"]
        assert (lost.state, lost.facts["failure.code"]) == ("FAILED", "LOST")

    def test_a_failed_run_goes_on_where_it_failed(self, make_world: MakeWorld) -> None:
        world = make_world(script={"b": [RAISES]})
        failed = world.run(chain("a", "b", "c"))
        world.heard.clear()
        assert (states(world.resume(failed.run)), world.submitted()) == (dict.fromkeys("abc", COMPLETE), ["b", "c"])

    def test_a_run_that_is_through_changes_nothing_when_resumed(self, world: World) -> None:
        run = world.run(chain("a")).run
        world.resume(run)
        assert world.executions(run, "a") == ["COMPLETE"]

    def test_a_partial_run_stays_partial(self, make_world: MakeWorld) -> None:
        world = make_world(script={"b": ["fine", RAISES]})
        graph = chain("a", "b", "c", cache=CachePolicy.OFF)
        world.run(graph)
        failed = world.run(graph, Order(chosen=["b"]))
        assert states(world.resume(failed.run)) == {"a": NodeState.REUSED, "b": COMPLETE, "c": SKIPPED}


def test_a_driver_whose_lease_was_taken_records_nothing_more(world: World) -> None:
    @contextmanager
    def losing(driver: Driver) -> Iterator[None]:
        driver.lose_lease(LeaseLostError("taken"))
        yield

    with pytest.raises(LeaseLostError):
        world.run(chain("a"), Order(interruptible=losing))
    assert world.submitted() == []


def take_leases(database: StateDatabase) -> None:
    """Somebody else takes every lease, and nobody has noticed yet."""
    with database.writing() as connection:
        connection.execute(sa.update(LEASES).values(token=LEASES.c.token + 1))


class OversleptLineage(MemoryLineage):
    """Its driver sleeps while an execution is begun, and somebody else takes over."""

    def __init__(self, database: StateDatabase) -> None:
        super().__init__()
        self._database = database

    def begin(self, execution: ExecutionRecord) -> None:
        super().begin(execution)
        take_leases(self._database)


def test_a_driver_that_slept_while_its_lease_was_taken_calls_no_executor(world: World) -> None:
    world.lineage = OversleptLineage(world.database)
    with pytest.raises(LeaseLostError):
        world.run(chain("a"))
    assert world.tries == {}


def test_a_driver_whose_lease_was_taken_while_an_executor_ran_records_nothing(world: World) -> None:
    def overslept(_: int) -> int:
        take_leases(world.database)
        return 0

    world.choose = overslept
    with pytest.raises(LeaseLostError):
        world.run(chain("a"))
    assert world.executions(world.ledger.runs.list(limit=1)[0].run, "a") == ["RUNNING"]


def killed_after(world: World, writes: int) -> str:
    """The name of a run of the diamond whose driver died after so many writes."""
    world.doom.left = writes
    try:
        return world.run(DIAMOND).run
    except KilledError:
        return world.ledger.runs.list(limit=1)[0].run
    finally:
        world.doom.left = -1


def early_starts(graph: Plan, world: World) -> list[str]:
    """Nodes that were submitted before everything that they need was published."""
    found, known = [], dict.fromkeys((node.name for node in graph.nodes), NodeState.WAITING)
    for event in world.heard:
        if event.kind is EventKind.NODE_FINISHED:
            known[event.node] = NodeState(event.data["state"])
        elif event.kind is EventKind.ATTEMPT_SUBMITTED and blocked_by(graph.node(event.node), known):
            found.append(event.node)
    return found


def late_starts(graph: Plan, world: World) -> list[str]:
    """Nodes that were submitted after a failure that stops the run."""
    found, stopped = [], False
    for event in world.heard:
        if event.kind is EventKind.NODE_FINISHED and event.data["state"] == "FAILED":
            stopped |= graph.node(event.node).on_failure == "stop"
        elif event.kind is EventKind.ATTEMPT_SUBMITTED and stopped:
            found.append(event.node)
    return found
