"""Must-show 6: whatever a component does, its attempt ends in a record with its own code, and the next node runs."""

from __future__ import annotations

import resource
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import pytest

from cmcore import Project
from cmcore.lineage.record import ExecutionRecord
from cmcore.runtime.job import FailureCode
from cmcore.runtime.logs import CAP_BYTES
from cmcore.runtime.run import RunResult
from cmcore.runtime.states import NodeState

pytestmark = pytest.mark.integration

QUICK = {"timeout_s": 0.5}
LITTLE = {"resources": {"memory_mib": 200}}


@dataclass(frozen=True, kw_only=True)
class Bad:
    """A misbehaviour, the code it must be recorded under, and the line of ours that it happens at."""

    component: str
    code: FailureCode | None
    frame: str = ""
    options: dict[str, object] = field(default_factory=dict)


FAILURES = [
    Bad(component="raises", code=FailureCode.RAISED, frame="in raises"),
    Bad(component="raises_deep_in_a_library", code=FailureCode.RAISED, frame="in raises_deep_in_a_library"),
    Bad(component="recurses", code=FailureCode.RAISED, frame="in recurses"),
    Bad(component="raises_what_cannot_be_pickled", code=FailureCode.RAISED, frame="in raises_what_cannot_be_pickled"),
    Bad(component="raises_what_cannot_be_printed", code=FailureCode.RAISED, frame="in raises_what_cannot_be_printed"),
    Bad(component="raises_half_a_character", code=FailureCode.RAISED, frame="in raises_half_a_character"),
    Bad(component="raises_10_megabytes", code=FailureCode.RAISED, frame="in raises_10_megabytes"),
    Bad(component="exits", code=FailureCode.EXITED, frame="in exits"),
    Bad(component="exits_at_once", code=FailureCode.NO_RESULT),
    Bad(component="closes_everything", code=FailureCode.NO_RESULT),
    Bad(component="segfaults", code=FailureCode.CRASHED),
    Bad(component="aborts", code=FailureCode.CRASHED),
    Bad(component="is_terminated", code=FailureCode.CRASHED),
    Bad(component="hangs", code=FailureCode.TIMED_OUT, options=QUICK),
    Bad(component="hangs_and_ignores_everything", code=FailureCode.TIMED_OUT, options=QUICK),
    Bad(component="stops_itself", code=FailureCode.TIMED_OUT, options=QUICK),
    Bad(component="exhausts_memory", code=FailureCode.OUT_OF_MEMORY, options=LITTLE),
    Bad(component="writes_no_output", code=FailureCode.OUTPUT_MISSING),
    Bad(component="returns_no_value", code=FailureCode.OUTPUT_MISSING),
    Bad(component="returns_an_undeclared_value", code=FailureCode.OUTPUT_UNDECLARED),
    Bad(component="returns_the_wrong_type", code=FailureCode.BAD_RESULT),
    Bad(component="returns_no_names", code=FailureCode.BAD_RESULT),
    Bad(component="returns_half_a_character", code=FailureCode.BAD_RESULT),
    Bad(component="returns_100_megabytes", code=FailureCode.BAD_RESULT),
    Bad(component="sets_a_property_that_cannot_be_recorded", code=FailureCode.BAD_RESULT),
    Bad(component="returns_nan", code=FailureCode.OUTPUT_NAN),
    Bad(component="deletes_its_output_folder", code=FailureCode.STORAGE),
    Bad(component="leaves_an_output_open", code=FailureCode.STORAGE),
    Bad(component="writes_garbage_to_its_sockets", code=FailureCode.BAD_RESULT),
    Bad(component="announces_a_message_that_never_comes", code=FailureCode.BAD_RESULT),
    Bad(component="answers_in_its_own_words", code=FailureCode.BAD_RESULT),
]
HARMLESS = [
    Bad(component="returns_an_allowed_nan", code=None),
    Bad(component="prints_bytes_that_are_no_text", code=None),
    Bad(component="forks_and_lets_the_child_return", code=None),
]
WITH_FRAME = [bad for bad in FAILURES if bad.frame]
Ran = Callable[[Bad], tuple[RunResult, ExecutionRecord]]


@pytest.fixture(scope="module")
def ran(workload: Callable[[str], ModuleType], tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """The run of one misbehaviour and its neighbour on one worker, and the record of the bad one; run once each."""
    module = workload("misbehaving")
    known: dict[str, tuple[RunResult, ExecutionRecord]] = {}

    def run(bad: Bad) -> tuple[RunResult, ExecutionRecord]:
        if bad.component not in known:
            folder = tmp_path_factory.mktemp("project")
            with Project(folder, environment={"CM_RUN__WORKERS": "1"}) as project:
                pipeline = module.with_a_neighbour(vars(module)[bad.component], {}, bad.options)
                result = project.run(pipeline, source=Path(module.__file__))
                record = project.lineage.execution(f"{result.run}/bad/1")
            assert record is not None
            known[bad.component] = result, record
        return known[bad.component]

    return run


@pytest.mark.parametrize("bad", FAILURES, ids=lambda bad: bad.component)
def test_a_failure_is_recorded_with_its_own_code(ran: Ran, bad: Bad) -> None:
    _, record = ran(bad)
    assert (record.state, record.facts.get("failure.code")) == ("FAILED", bad.code)


@pytest.mark.parametrize("bad", FAILURES, ids=lambda bad: bad.component)
def test_the_next_node_runs_on_a_worker_that_is_well(ran: Ran, bad: Bad) -> None:
    result, _ = ran(bad)
    assert result.nodes["innocent"].state is NodeState.COMPLETE


@pytest.mark.parametrize("bad", WITH_FRAME, ids=lambda bad: bad.component)
def test_the_first_frame_of_the_author_is_named(ran: Ran, bad: Bad) -> None:
    _, record = ran(bad)
    frame = str(record.facts["failure.frame"])
    assert ("misbehaving.py:" in frame, frame.endswith(bad.frame)) == (True, True)


@pytest.mark.parametrize("bad", FAILURES, ids=lambda bad: bad.component)
def test_a_failure_says_what_happened_in_a_text_of_bounded_length(ran: Ran, bad: Bad) -> None:
    _, record = ran(bad)
    assert 0 < len(str(record.facts["failure.message"])) <= 20_000


@pytest.mark.parametrize("bad", HARMLESS, ids=lambda bad: bad.component)
def test_what_is_odd_but_allowed_completes(ran: Ran, bad: Bad) -> None:
    result, _ = ran(bad)
    assert result.nodes["bad"].state is NodeState.COMPLETE


def test_an_allowed_nan_is_recorded_as_nan(ran: Ran) -> None:
    _, record = ran(HARMLESS[0])
    assert repr(record.outputs[0].artifact.facts["value"]) == "nan"


def test_the_log_of_a_crash_has_its_native_stack(project: Project, workload: Callable[[str], ModuleType]) -> None:
    module = workload("misbehaving")
    result = project.run(module.with_a_neighbour(module.segfaults, {}, {}), source=Path(module.__file__))
    assert b"Segmentation fault" in (project.logs / result.run / "bad.1.log").read_bytes()


def test_a_gigabyte_of_print_is_capped_and_leaves_the_driver_flat(
    project: Project, workload: Callable[[str], ModuleType]
) -> None:
    module = workload("misbehaving")
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = project.run(module.with_a_neighbour(module.prints_a_gigabyte, {}, {}), source=Path(module.__file__))
    grown_mib = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib) / 1024
    size = (project.logs / result.run / "bad.1.log").stat().st_size
    assert (result.nodes["bad"].state, size < CAP_BYTES + 200, grown_mib < 50) == (NodeState.COMPLETE, True, True)


@pytest.mark.parametrize("component", ["leaves_a_daemon", "leaves_a_child_that_prints_for_ever"])
def test_what_an_attempt_left_behind_is_gone_when_the_run_ends(
    project: Project,
    workload: Callable[[str], ModuleType],
    tmp_path: Path,
    gone: Callable[[int], bool],
    component: str,
) -> None:
    module, log = workload("misbehaving"), tmp_path / "pid"
    pipeline = module.with_a_neighbour(vars(module)[component], {"log": str(log)}, {})
    project.run(pipeline, source=Path(module.__file__))
    assert gone(int(log.read_text()))
