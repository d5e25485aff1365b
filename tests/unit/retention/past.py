"""A past made of values: executions with their artifacts, runs and versions, as tests of roots want them."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import strategies as st

from cmcore.lineage.record import ArtifactRecord, Edge, ExecutionRecord, ExecutionState
from cmcore.retention.roots import DAY_S, Needs, PastRun, Policy, kept
from cmcore.retention.verdicts import Verdict, verdicts
from cmcore.storage.attempts import AttemptFolder, PayloadFolder

NOW = 1000 * DAY_S
ROOT = "file:///root"
NOTHING_RECENT = Policy(keep_runs=0, keep_days=0.0)


def an_artifact(name: str, type_name: str = "Files", **facts: bool) -> ArtifactRecord:
    """A recorded artifact whose payload lies where its name says."""
    return ArtifactRecord(name=name, type_name=type_name, uri=f"{ROOT}/{name}", digest=f"sha256:{name}", facts=facts)


def made(
    name: str,
    outputs: Mapping[str, str],
    *inputs: ArtifactRecord,
    state: ExecutionState = ExecutionState.COMPLETE,
    served: tuple[ArtifactRecord, ...] = (),
) -> ExecutionRecord:
    """An execution `run/node/attempt` that wrote outputs (key: type), or was served earlier ones."""
    run, node, _ = name.split("/")
    written = (*(an_artifact(f"{name}/{key}/0", type_name) for key, type_name in outputs.items()), *served)
    return ExecutionRecord(
        name=name,
        type_name=node,
        state=state,
        project="demo",
        pipeline="p",
        run=run,
        node=node,
        inputs=tuple(Edge(key="in", index=index, artifact=each) for index, each in enumerate(inputs)),
        outputs=tuple(Edge(key=each.name.split("/")[3], index=0, artifact=each) for each in written),
    )


def output(execution: ExecutionRecord, number: int = 0) -> ArtifactRecord:
    """One of its outputs."""
    return execution.outputs[number].artifact


def folders(*executions: ExecutionRecord) -> list[AttemptFolder]:
    """The payloads of these executions as a store lists them, one byte each."""
    return [
        AttemptFolder(
            uri=f"{ROOT}/{each.name}",
            run=each.run,
            payloads=tuple(PayloadFolder(uri=edge.artifact.uri, size_bytes=1) for edge in each.outputs),
        )
        for each in executions
        if each.state is ExecutionState.COMPLETE
    ]


def judged(needs: Needs, policy: Policy) -> dict[str, Verdict]:
    """The verdict on each payload, by the name of its artifact."""
    ages_s = {run.run: NOW - run.at for run in needs.runs}
    found = verdicts(folders(*needs.executions), needs.executions, kept(needs, policy, NOW), ages_s)
    return {verdict.artifacts[0].name: verdict for verdict in found}


def gone(needs: Needs, policy: Policy) -> set[str]:
    """The artifacts whose payloads may go."""
    return {name for name, verdict in judged(needs, policy).items() if not verdict.kept_by}


@st.composite
def pasts(draw: st.DrawFn) -> Needs:
    """Runs of some nodes, each reading from, or served by, what came before it in its own run or an earlier one."""
    executions: list[ExecutionRecord] = []
    runs: list[PastRun] = []
    for number in range(draw(st.integers(1, 6))):
        run = f"r{number}"
        runs.insert(0, PastRun(run=run, at=NOW - draw(st.floats(0, 60)) * DAY_S, live=draw(st.booleans())))
        for node in range(draw(st.integers(0, 3))):
            before = [output(each) for each in executions if each.outputs]
            inputs = draw(st.lists(st.sampled_from(before), max_size=2, unique_by=str)) if before else []
            if before and draw(st.booleans()):
                served = draw(st.sampled_from(before))
                state = ExecutionState.CACHED
                executions.append(made(f"{run}/n{node}/1", {}, *inputs, state=state, served=(served,)))
            else:
                kind = draw(st.sampled_from(["Files", "Model", "ModelEvaluation"]))
                executions.append(made(f"{run}/n{node}/1", {"out": kind}, *inputs))
    return Needs(executions=executions, runs=runs)
