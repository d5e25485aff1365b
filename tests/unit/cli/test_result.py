"""The end of a run: the document for programs and the summary for people."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cmcore.cli.invocation import Invocation
from cmcore.cli.view.board import Board
from cmcore.cli.view.result import failure_reports, leaves, result_document
from cmcore.cli.view.summary import next_steps, output_lines, show_summary
from cmcore.pipelines.plan import NodeKind
from cmcore.runtime.job import ADVICE, Failure, FailureCode
from cmcore.runtime.run import RunResult
from cmcore.runtime.states import NodeState
from tests.unit.cli.plans import artifact, node, plan, result

FAILURE = Failure(code=FailureCode.RAISED, message="a [bold]b\nc", exception="ValueError", frame="/p/x.py:3 in f")
FINE = result({"w": NodeState.COMPLETE, "r": NodeState.CACHED})
FAILED = result({"w": NodeState.COMPLETE, "r": NodeState.FAILED}, FAILURE)
EMPTY = Board({}, {})


def shown(capsys: pytest.CaptureFixture[str], ended: RunResult) -> str:
    """The summary of a run."""
    show_summary(plan(), ended, EMPTY, "demo.py")
    return capsys.readouterr().out


def test_leaves_are_nodes_that_nobody_reads() -> None:
    assert leaves(plan(node("a"), node("b", "a"), node("c", "a"), node("d", "c"))) == ["b", "d"]


def test_a_value_in_the_place_of_an_artifact_is_no_leaf() -> None:
    assert leaves(plan(node("value", kind=NodeKind.LITERAL))) == []


def test_a_failure_carries_inputs_and_the_next_step() -> None:
    (report,) = failure_reports(plan(), FAILED, "demo.py")
    assert (report.inputs, report.advice) == (
        (("data", artifact("demo-1/w/1/data/0").uri),),
        "debug it with: cm run demo.py --only r --in-process --pdb",
    )


@pytest.mark.parametrize("code", list(FailureCode))
def test_every_advice_can_be_filled_in(code: FailureCode) -> None:
    failed = result({"w": NodeState.COMPLETE, "r": NodeState.FAILED}, Failure(code=code, message=""))
    (report,) = failure_reports(plan(), failed, "demo.py")
    assert (report.advice == "", "{" in report.advice, code in ADVICE) == (False, False, True)


def test_a_resolver_does_not_count_as_executed() -> None:
    found = result_document(
        plan(node("w", kind=NodeKind.RESOLVER)), result({"w": NodeState.COMPLETE}), EMPTY, "demo.py"
    )
    counts = found["counts"]
    assert isinstance(counts, dict)
    assert (counts["executed"], counts["resolved"]) == (0, 1)


def test_the_document_gives_local_paths() -> None:
    outputs = result_document(plan(), FINE, EMPTY, "demo.py")["outputs"]
    assert isinstance(outputs, dict)
    assert outputs["r"]["data"][0]["path"] == "/p/.cm/artifacts/demo-1/r/1/data/0"  # type: ignore[index,call-overload] # JSON


@pytest.mark.parametrize(
    "said",
    [
        "FAILED  demo-1  in 1.5 s: 1 executed, 1 failed",
        "✘ r  RAISED  ValueError: a [bold]b\n    c\n",
        "at          /p/x.py:3 in f",
        "input data  file:///p/.cm/artifacts/demo-1/w/1/data/0",
        "log         cm logs demo-1/r/1",
    ],
)
def test_the_summary_of_a_failed_run_says(said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert said in shown(capsys, FAILED)


def test_the_summary_names_outputs_by_their_local_paths(capsys: pytest.CaptureFixture[str]) -> None:
    assert "r.data  Files  /p/.cm/artifacts/demo-1/r/1/data/0\n" in shown(capsys, FINE)


def steps_after(code: FailureCode, state: NodeState = NodeState.FAILED) -> list[str]:
    """The commands that are proposed after a failure with this code."""
    ended = result({"w": NodeState.COMPLETE, "r": state}, Failure(code=code, message=""))
    return [
        command for command, _ in next_steps(plan(), ended, failure_reports(plan(), ended, ""), "demo.py --set a=1")
    ]


def test_after_an_exception_the_first_step_is_to_run_the_mended_pipeline() -> None:
    assert steps_after(FailureCode.RAISED)[:3] == [
        "cm run demo.py --set a=1", "cm show demo-1", "cm logs demo-1/r/1",
    ]  # fmt: skip


@pytest.mark.parametrize("code", [FailureCode.LOST, FailureCode.STORAGE_FULL, FailureCode.TIMED_OUT])
def test_after_a_failure_from_outside_the_first_step_is_to_resume(code: FailureCode) -> None:
    assert steps_after(code)[0] == "cm resume demo-1"


def test_outputs_have_the_type_that_documents_write_and_their_properties_by_name() -> None:
    made = replace(artifact("x", type="pkg.mod:Mine"), properties={"b": 9.04e-08, "a": 1})
    ((_, kind, what),) = output_lines("n", {"data": (made,)})
    assert (kind, what.endswith("a=1, b=9.04e-08\x1b[0m")) == ("pkg.mod:Mine", True)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("cm show r", "cm --project '/a b' show r"),
        ("space (cm gc), then: cm resume r", "space (cm --project '/a b' gc), then: cm --project '/a b' resume r"),
    ],
)
def test_commands_are_proposed_with_the_project_that_was_given(said: str, meant: str) -> None:
    assert Invocation(folder=Path("/a b")).respoken(said) == meant
