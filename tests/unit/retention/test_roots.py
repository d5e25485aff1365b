"""What is kept for which root: a table, and what must hold for every past."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmcore.lineage.record import ExecutionState
from cmcore.retention.roots import DAY_S, Needs, PastRun, PastVersion, Policy, kept
from tests.unit.retention.past import (
    NOTHING_RECENT,
    NOW,
    an_artifact,
    gone,
    judged,
    made,
    output,
    pasts,
)

OLD = NOW - 400 * DAY_S
RAW = an_artifact("r1/import/1/artifact/0", imported=True)
SPLIT = made("r1/split/1", {"examples": "Examples", "schema": "Schema"}, RAW)
EXAMPLES, SCHEMA = output(SPLIT), output(SPLIT, 1)
TRAIN = made("r1/train/1", {"model": "Model", "tracked_files": "TrackedFiles"}, EXAMPLES, SCHEMA)
MODEL, TRACKED = output(TRAIN), output(TRAIN, 1)
EVALUATE = made("r1/evaluate/1", {"evaluation": "ModelEvaluation"}, MODEL, EXAMPLES)
PREDICT = made("r1/predict/1", {"predictions": "InferenceResult"}, MODEL)
EVALUATION, PREDICTIONS = output(EVALUATE), output(PREDICT)
COUNT = made("r1/count/1", {"count": "Integer"}, EXAMPLES)
TRAIN_BY_COUNT = replace(made("r1/train/1", {"model": "Model"}), facts={"parameter_artifacts": [output(COUNT).name]})
SERVED = made("r2/train/1", {}, state=ExecutionState.CACHED, served=(MODEL,))
PAST = Needs(
    executions=[SPLIT, TRAIN, EVALUATE, PREDICT, SERVED],
    runs=[PastRun(run="r2", at=NOW - 1 * DAY_S), PastRun(run="r1", at=OLD)],
)
EVERYTHING = {EXAMPLES.name, SCHEMA.name, MODEL.name, TRACKED.name, EVALUATION.name, PREDICTIONS.name}
ABOUT_MODEL = {MODEL.name, TRACKED.name, EVALUATION.name, SCHEMA.name}
VERSION = PastVersion(version="m@1.0.0", artifact=MODEL.name, digest=MODEL.digest, created_at=OLD)
NEVER = replace(NOTHING_RECENT, keep_upstream=False)


def with_version(**changes: object) -> Needs:
    return replace(PAST, versions=[replace(VERSION, **changes)])  # type: ignore[arg-type] # a test names what differs


@pytest.mark.parametrize(
    ("needs", "policy", "stays"),
    [
        (PAST, NOTHING_RECENT, set()),
        (PAST, Policy(keep_runs=1, keep_days=0), {MODEL.name}),
        (PAST, Policy(keep_runs=0, keep_days=2), {MODEL.name}),
        (PAST, Policy(keep_runs=2, keep_days=0), EVERYTHING),
        (PAST, Policy(keep_runs=0, keep_days=500), EVERYTHING),
        (replace(PAST, runs=[replace(run, live=run.run == "r1") for run in PAST.runs]), NOTHING_RECENT, EVERYTHING),
        (replace(PAST, runs=[replace(run, pinned=run.run == "r1") for run in PAST.runs]), NOTHING_RECENT, EVERYTHING),
        (with_version(), NOTHING_RECENT, set()),
        (with_version(named=("m@production",)), NEVER, ABOUT_MODEL),
        (with_version(named=("m@production",)), NOTHING_RECENT, ABOUT_MODEL | {EXAMPLES.name}),
        (with_version(newest=True), NEVER, ABOUT_MODEL),
        (with_version(pinned=True), NEVER, ABOUT_MODEL),
        (with_version(created_at=NOW - 3 * DAY_S), replace(NEVER, keep_days=4), ABOUT_MODEL),
        (with_version(newest=True, evidence=(PREDICTIONS.name,)), NEVER, {*ABOUT_MODEL, PREDICTIONS.name}),
        (with_version(newest=True, artifact="swapped/store/1/model/0"), NEVER, ABOUT_MODEL),
        (with_version(newest=True, artifact="", digest="sha256:elsewhere"), NEVER, set()),
        (replace(PAST, artifacts={EXAMPLES.name: "pinned"}), NEVER, {EXAMPLES.name, SCHEMA.name, EVALUATION.name}),
        (replace(PAST, runs=[PAST.runs[1]]), NOTHING_RECENT, {MODEL.name}),
    ],
    ids=[
        "nothing recent", "newest run", "young run", "two runs", "young runs", "live", "pinned run", "old version",
        "alias", "alias with upstream", "newest version", "pinned version", "new version", "named evidence",
        "found by digest", "a model from elsewhere", "pinned artifact", "run of somebody else",
    ],
)  # fmt: skip
def test_what_stays(needs: Needs, policy: Policy, stays: set[str]) -> None:
    assert EVERYTHING - gone(needs, policy) == stays


@pytest.mark.parametrize(
    ("needs", "policy", "reason"),
    [
        (with_version(named=("m@production", "m@staging")), Policy(), "m@production, m@staging"),
        (with_version(pinned=True), NOTHING_RECENT, "m@1.0.0, pinned"),
        (with_version(newest=True), NOTHING_RECENT, "m@1.0.0, the newest version"),
        (with_version(created_at=NOW), Policy(keep_runs=0), "m@1.0.0, registered lately"),
        (replace(PAST, artifacts={MODEL.name: "the model, pinned"}), Policy(), "the model, pinned"),
        (PAST, Policy(), "run r1, one of the newest 20"),
        (PAST, Policy(keep_runs=0, keep_days=500), "run r1, younger than 500 days"),
    ],
)
def test_the_reason_is_said(needs: Needs, policy: Policy, reason: str) -> None:
    assert kept(needs, policy, NOW)[MODEL.name] == reason


def test_evidence_and_upstream_say_whose_they_are() -> None:
    found = judged(with_version(named=("m@production",)), NOTHING_RECENT)
    told = [found[name].kept_by for name in (EVALUATION.name, EXAMPLES.name)]
    assert told == ["evidence of m@production", "upstream of m@production"]


def test_what_the_evidence_was_made_from_does_not_stay() -> None:
    baseline = made("r0/train/1", {"model": "Model"})
    evaluate = made("r1/compare/1", {"evaluation": "ModelEvaluation"}, MODEL, output(baseline))
    past = replace(
        with_version(newest=True), executions=[baseline, TRAIN, evaluate], runs=[*PAST.runs, PastRun(run="r0", at=OLD)]
    )
    assert gone(past, NOTHING_RECENT) == {output(baseline).name}


def test_what_a_recent_run_only_read_stays() -> None:
    reused = made("r2/evaluate/1", {"evaluation": "ModelEvaluation"}, MODEL)
    past = replace(PAST, executions=[TRAIN, reused])
    assert gone(past, Policy(keep_runs=1, keep_days=0)) == {TRACKED.name}


@given(pasts(), st.integers(0, 6), st.floats(0, 60), st.sets(st.integers(0, 5)))
def test_nothing_that_a_kept_run_used_may_go(needs: Needs, keep_runs: int, keep_days: float, pinned: set[int]) -> None:
    runs = [replace(run, pinned=place in pinned) for place, run in enumerate(needs.runs)]
    policy = Policy(keep_runs=keep_runs, keep_days=keep_days)
    roots = {
        run.run
        for place, run in enumerate(runs)
        if run.live or run.pinned or place < keep_runs or NOW - run.at < keep_days * DAY_S
    }
    used = {
        edge.artifact.name
        for execution in needs.executions
        if execution.run in roots
        for edge in (*execution.inputs, *execution.outputs)
    }
    assert not used & gone(replace(needs, runs=runs), policy)


@given(pasts(), st.data())
def test_nothing_that_a_kept_version_needs_may_go(needs: Needs, data: st.DataObject) -> None:
    names = sorted({edge.artifact.name for each in needs.executions for edge in each.outputs})
    model = data.draw(st.sampled_from(names)) if names else ""
    version = PastVersion(version="m@1.0.0", artifact=model, digest="", created_at=OLD, named=("m@production",))
    went = gone(replace(needs, versions=[version]), NOTHING_RECENT)
    makers = {edge.artifact.name: each for each in reversed(needs.executions) for edge in each.outputs if each.outputs}
    reachable, waiting = set[str](), {model}
    while waiting:
        reachable |= waiting
        waiting = {e.artifact.name for name in waiting if name in makers for e in makers[name].inputs} - reachable
    assert not went & reachable


@given(pasts(), st.integers(0, 6), st.integers(0, 6), st.floats(0, 60), st.floats(0, 60), st.data())
def test_more_roots_never_let_more_go(
    needs: Needs, runs: int, more_runs: int, days: float, more_days: float, data: st.DataObject
) -> None:
    names = sorted({edge.artifact.name for each in needs.executions for edge in each.outputs})
    pinned = data.draw(st.lists(st.sampled_from(names))) if names else []
    few = Policy(keep_runs=runs, keep_days=days, keep_upstream=data.draw(st.booleans()))
    many = Policy(keep_runs=runs + more_runs, keep_days=days + more_days)
    grown = replace(needs, artifacts=dict.fromkeys(pinned, "pinned"))
    assert gone(grown, many) <= gone(needs, few)


@given(pasts())
def test_without_a_root_everything_may_go(needs: Needs) -> None:
    nobody = replace(needs, runs=[replace(run, live=False) for run in needs.runs])
    assert gone(nobody, NOTHING_RECENT) == set(judged(nobody, NOTHING_RECENT))


def test_what_stood_in_a_parameter_is_what_a_version_was_made_from() -> None:
    version = replace(VERSION, artifact=output(TRAIN_BY_COUNT).name, named=("m@production",))
    needs = replace(PAST, executions=[SPLIT, COUNT, TRAIN_BY_COUNT], versions=[version])
    assert {EXAMPLES.name, output(COUNT).name} & gone(needs, NOTHING_RECENT) == set()


def test_a_run_needs_what_stood_in_a_parameter() -> None:
    runs = [PastRun(run="r3", at=NOW), PastRun(run="r1", at=OLD)]
    again = replace(TRAIN_BY_COUNT, name="r3/train/1", run="r3", outputs=())
    needs = Needs(executions=[COUNT, again], runs=runs)
    assert output(COUNT).name not in gone(needs, Policy(keep_runs=1, keep_days=0))
