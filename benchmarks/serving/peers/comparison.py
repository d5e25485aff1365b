"""One row of the flights model, asked of every server in turns: latency and throughput of each."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tritonclient.grpc import InferenceServerClient

from benchmarks.batch import prepared
from benchmarks.serving.peers import model
from benchmarks.serving.peers.servers import Server, bentoml, environment_made, mlflow, mlserver
from cmcore.artifacts import Model
from cmcore.pipelines.build import importer, pipeline
from cmcore.sandbox.calls import Load
from cmcore.sandbox.load import measure_at
from cmcore.sandbox.wire import Route
from cmcore.serving.document import Endpoint, Variant
from cmcore.stack import Project
from cmcore.stack.endpoints import apply
from cmcore.stack.serving import controlling, settle

CONCURRENCIES = (1, 8, 32)
SECONDS, WARM_UP_S = 2.0, 0.5
SETTINGS = "stack: {serving: [{name: triton, options: {open_control: true}}]}\n"  # the other model is loaded by hand
BY_HAND, OURS, OURS_ON_RAY = "Triton, by hand", "cmcore on Triton", "cmcore on Ray Serve"


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """The medians over rounds of one server under one concurrency; milliseconds and answers per second."""

    rps: float
    p50_ms: float
    p99_ms: float
    failed: int

    @classmethod
    def of(cls, loads: Sequence[Load]) -> Speed:
        """The medians, and all failures."""
        return cls(
            rps=median(load.rps for load in loads),
            p50_ms=median(load.p50 for load in loads) * 1e3,
            p99_ms=median(load.p99 for load in loads) * 1e3,
            failed=sum(load.requests - load.answered for load in loads),
        )


Speeds = Mapping[str, Mapping[int, Speed]]


@pipeline
def bring(folder: str) -> None:
    importer(uri=folder, type=Model)


def compared(rounds: int, say: Callable[[str], None]) -> Speeds:
    """Every server under every concurrency, in turns, one at a time under load."""
    prepared(say)
    environment_made(say)
    loads: dict[str, dict[int, list[Load]]] = {}
    with all_servers(say) as servers:
        for number in range(rounds):
            for concurrency in CONCURRENCIES:
                say(f"servers of the flights model, round {number + 1} of {rounds}, {concurrency} at once")
                for server in servers:
                    route = Route.at(server.name, server.url, [server.body])
                    found = measure_at(route, concurrency=concurrency, seconds=SECONDS, warm_up_s=WARM_UP_S)
                    loads.setdefault(server.name, {}).setdefault(concurrency, []).append(found)
    return {name: {count: Speed.of(each) for count, each in found.items()} for name, found in loads.items()}


@contextmanager
def all_servers(say: Callable[[str], None]) -> Iterator[list[Server]]:
    """All of them, running side by side; one that is not asked is idle."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        places = {name: Path(folder) / name for name in ("project", "mlflow", "bentoml", "mlserver")}
        for place in places.values():
            place.mkdir()
        say("starting the servers")
        yield [
            *stack.enter_context(ours(places["project"])),
            stack.enter_context(mlserver(places["mlserver"])),
            stack.enter_context(mlflow(places["mlflow"])),
            stack.enter_context(bentoml(places["bentoml"])),
        ]


@contextmanager
def ours(folder: Path) -> Iterator[list[Server]]:
    """The model as an endpoint on Triton and on Ray Serve, and written by hand on that same Triton."""
    (folder / "cm.yaml").write_text(SETTINGS, encoding="utf-8")
    with Project(folder, environment={}) as project:
        result = project.run(bring, {"folder": str(model.FOLDER)}, source=Path(__file__))
        result.check()
        artifact = project.lineage.executions(result.run)[0].outputs[0].artifact
        version = str(project.register(artifact, name="flights", reason="a benchmark").version)
        try:
            on_triton = served(project, version, "triton", OURS)
            by_hand = beside(project, Server(name=BY_HAND, url=on_triton.url, body=on_triton.body))
            yield [by_hand, on_triton, served(project, version, "ray", OURS_ON_RAY)]
        finally:
            for backend in ("triton", "ray"):
                project.backend(backend).stop()


def served(project: Project, version: str, backend: str, name: str) -> Server:
    """An endpoint of its own on that backend, as its status names it."""
    endpoint = f"flights-{backend}"
    apply(project, Endpoint(name=endpoint, backend=backend, variants=(Variant(model=version),)))
    with controlling(project) as controller:
        settle(project, controller, endpoint, until=lambda: False)
    state = project.endpoints.state(endpoint)
    deployment = state.deployment(state.traffic["main"])
    assert deployment is not None
    address = project.backend(backend).address(deployment.name)
    url = f"{address.rest}/v2/models/{address.model}/infer"
    return Server(name=name, url=url, body=model.protocol_body())


def beside(project: Project, like: Server) -> Server:
    """The model as one writes it by hand, loaded on the project's own Triton beside ours."""
    backend = project.home / "serving" / "triton"
    model.hand_written(next(backend.glob("**/config.pbtxt")).parents[1])
    state = project.endpoints.state("flights-triton")
    address = project.backend("triton").address(state.deployments[0].name)
    with InferenceServerClient(address.grpc) as client:
        client.load_model("flights")
    return Server(name=BY_HAND, url=f"{address.rest}/v2/models/flights/infer", body=like.body)
