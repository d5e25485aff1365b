"""Deployments and traffic in the lineage: a reader of the event log that writes executions and artifacts, each once.

A deployment is an execution `deploy` that read the model and gave a DeployedModel; a move of traffic is an execution
`route` that read those and gave an EndpointTraffic. Names come from the log, so a second reading changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from cmcore.address import Address
from cmcore.events import Event, EventKind
from cmcore.lineage.record import ArtifactRecord, Edge, ExecutionRecord, ExecutionState, RunRecord
from cmcore.lineage.store import LineageStore
from cmcore.serving.states import Change
from cmcore.state.database import StateDatabase
from cmcore.state.journal import Journal

PAGE = 500
DEPLOYED_MODEL, ENDPOINT_TRAFFIC = "DeployedModel", "EndpointTraffic"
ENDS: Mapping[str, ExecutionState] = {
    Change.WARMED.value: ExecutionState.COMPLETE, Change.REFUSED.value: ExecutionState.FAILED,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """Reads the log where it last stopped, and writes what concerns this project's endpoints."""

    database: StateDatabase
    lineage: LineageStore
    project: str

    def publish(self) -> int:
        """Write what is new; how many events there were. Raises LineageError, after which it can be called again."""
        journal, consumer, count = Journal(self.database), f"endpoints/{self.project}", 0
        while events := journal.read(after=journal.cursor(consumer), limit=PAGE):
            for event in events:
                if event.data.get("project") == self.project:
                    self._write(event)
                    count += 1
            journal.advance(consumer, events[-1].seq)
        return count

    def _write(self, event: Event) -> None:
        match event.kind:
            case EventKind.DEPLOYMENT_CHANGED if event.data["change"] in ENDS:
                self._record(self._deployed(event))
            case EventKind.TRAFFIC_MOVED:
                self._record(self._routed(event))

    def _record(self, execution: ExecutionRecord) -> None:
        if (found := self.lineage.execution(execution.name)) is not None and found.state is not ExecutionState.RUNNING:
            return  # warmed again after a restart of its server: it is the same deployment
        run = RunRecord(
            run=execution.run,
            pipeline=execution.pipeline,
            project=self.project,
            actor=execution.actor,
            created_at=execution.created_at,
        )
        self.lineage.open_run(run)
        self.lineage.commit(execution)

    def _deployed(self, event: Event) -> ExecutionRecord:
        data = event.data
        address = deployment_address(str(data["name"]))
        inputs = tuple(self._models(data))
        model = inputs[0].artifact if data["artifact"] and inputs else None
        state = ENDS[str(data["change"])]
        deployed = ArtifactRecord(
            name=f"{address}/deployment/0",
            type_name=DEPLOYED_MODEL,
            uri=f"cm-endpoint:{data['endpoint']}/{data['name']}",
            digest=model.digest if model else f"declared:{data['name']}",
            properties={key: data[key] for key in ("endpoint", "variant", "backend", "version", "name")},
        )
        failure = {"failure.message": data["reason"]} if state is ExecutionState.FAILED else {}
        return ExecutionRecord(
            name=str(address),
            type_name="Deploy",
            state=state,
            project=self.project,
            pipeline=pipeline_of(data),
            run=address.run,
            node=address.node,
            actor=str(data["actor"]),
            parameters={"endpoint": data["endpoint"], "version": data["version"], "backend": data["backend"]},
            facts=failure,
            inputs=inputs,
            outputs=(Edge(key="deployment", index=0, artifact=deployed),) if state.published else (),
            created_at=event.at,
            finished_at=event.at,
        )

    def _models(self, data: Mapping[str, JsonValue]) -> Iterator[Edge]:
        """The model, and those of an ensemble, as far as the lineage knows them."""
        others = data.get("others")
        names = [data["artifact"], *(others if isinstance(others, list) else [])]
        for index, name in enumerate(names):
            found = self.lineage.artifact(str(name)) if name else None
            if found is not None:
                yield Edge(key="model", index=index, artifact=found)

    def _routed(self, event: Event) -> ExecutionRecord:
        data = event.data
        address = Address(run=f"{data['endpoint']}-traffic-{event.seq}", node="route")
        traffic = data["to"]
        assert isinstance(traffic, dict)
        given = ArtifactRecord(
            name=f"{address}/traffic/0",
            type_name=ENDPOINT_TRAFFIC,
            uri=f"cm-endpoint:{data['endpoint']}?revision={data['revision']}",
            digest=f"declared:{data['endpoint']}/{event.seq}",
            properties={"endpoint": data["endpoint"], "revision": data["revision"], "traffic": traffic},
        )
        return ExecutionRecord(
            name=str(address),
            type_name="MoveTraffic",
            state=ExecutionState.COMPLETE,
            project=self.project,
            pipeline=pipeline_of(data),
            run=address.run,
            node=address.node,
            actor=str(data["actor"]),
            parameters={"endpoint": data["endpoint"], "revision": data["revision"]},
            inputs=tuple(self._deployments(traffic)),
            outputs=(Edge(key="traffic", index=0, artifact=given),),
            created_at=event.at,
            finished_at=event.at,
        )

    def _deployments(self, traffic: Mapping[str, JsonValue]) -> Iterator[Edge]:
        for index, to in enumerate(traffic.values()):
            assert isinstance(to, dict)
            found = self.lineage.artifact(f"{deployment_address(str(to['name']))}/deployment/0")
            if found is not None:
                yield Edge(key="deployments", index=index, artifact=found)


def deployment_address(name: str) -> Address:
    """The address under which a deployment is in the lineage, by its name on the server."""
    return Address(run=f"endpoint-{name}", node="deploy")


def pipeline_of(data: Mapping[str, JsonValue]) -> str:
    """The pipeline that an endpoint is in the lineage."""
    return f"endpoint-{data['endpoint']}"
