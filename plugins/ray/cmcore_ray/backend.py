"""RayBackend: Ray Serve as cmcore's model server, one application per model version."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import cast

from pydantic import JsonValue, ValidationError

from cmcore.errors import ConfigError, ModelRefusedError, ServingError
from cmcore.inference.client import RestClient
from cmcore.inference.request import InferenceRequest, InferenceResponse
from cmcore.serving.backend import Address, Capabilities, Placement, Protocol, ServedModel, ServedState, Traffic
from cmcore_ray import environment
from cmcore_ray.asking import GrpcClient
from cmcore_ray.cluster import Cluster, LocalCluster, locked, write_whole
from cmcore_ray.deployment import claims, deployment_options, fingerprint, front_options, misfits, reason_of
from cmcore_ray.line import Line
from cmcore_ray.metrics import together
from cmcore_ray.options import RayOptions
from cmcore_ray.pool import Pool, pool_of
from cmcore_ray.servicer import DOOR, is_model
from cmcore_ray.shelf import Shelf

POOLS_LOCK = "pools.lock"
LOOK_S = 0.1
UNLOADING_S, WITHDRAWING_S = 90.0, 3.0
STATES = {"RUNNING": ServedState.READY, "DEPLOYING": ServedState.LOADING, "NOT_STARTED": ServedState.LOADING}
Status = Mapping[str, str]


def ray_backend(folder: Path, **options: JsonValue) -> RayBackend:
    """The factory that the plugin names; raises ConfigError for options that cannot be."""
    try:
        return RayBackend(folder, RayOptions.model_validate(options))
    except ValidationError as error:
        wrong = [f"{'.'.join(map(str, it['loc'])) or 'options'}: {it['msg']}" for it in error.errors(include_url=False)]
        raise ConfigError(f"the options of serving backend 'ray' cannot be used: {'; '.join(wrong)}") from error


class RayBackend:
    """One cluster, local or at an address. Threads may share it."""

    def __init__(self, folder: Path, options: RayOptions | None = None) -> None:
        self._folder, self._options = Path(folder), options or RayOptions()
        self._local = None if self._options.address else LocalCluster(self._folder, self._options)
        self._shelf = Shelf(self._folder / "models")
        self._line: Line | None = None
        self._line_to: Cluster | None = None
        self._rest: RestClient | None = None
        self._grpc: GrpcClient | None = None
        self._opening = threading.RLock()

    def capabilities(self) -> Capabilities:
        devices = {"cpu", "gpu"} if self._has_gpus() else {"cpu"}
        return Capabilities(
            server="Ray Serve", version=version("ray"), devices=frozenset(devices), batching=True, queue_policy=True,
            autoscaling=True, fractional_gpus=True, server_config=True,
        )  # fmt: skip

    def _has_gpus(self) -> bool:
        if self._options.num_gpus is not None:
            return self._options.num_gpus > 0
        if self._local is not None:
            return Path("/dev/nvidia0").exists()
        return "GPU" in cast("Mapping[str, Mapping[str, float]]", self._ask("resources"))["all"]

    def start(self) -> None:
        if self._local is None:
            self._serve()
            return
        with self._local.locked():
            self._local.ensured()
            self._serve()

    def _serve(self) -> None:
        rest, grpc = self._ports()
        doors: dict[str, JsonValue] = {"host": self._options.host, "http": rest, "grpc": grpc}
        self._connected().ask("serve", doors, self._options.start_timeout_s)
        self._await(lambda: self._status().get(DOOR, {}).get("state") == "RUNNING", "its door")
        client = self._clients()[0]
        self._await(client.live, f"HTTP at {client.url}")

    def _await(self, there: Callable[[], bool], what: str) -> None:
        until = time.monotonic() + self._options.start_timeout_s
        while not there():
            if time.monotonic() > until:
                raise ServingError(f"Ray Serve did not open {what} in {self._options.start_timeout_s:g} s")
            time.sleep(LOOK_S)

    def place(self, placement: Placement) -> None:
        if problems := list(misfits(placement)):
            raise ModelRefusedError(f"Ray Serve cannot serve {placement.name!r} so: {'; '.join(problems)}")
        if self._local is None and self._status().get(placement.name, {}).get("state") == "RUNNING":
            self._check_whose(placement)
        self._shelf.put(placement)

    def load(self, name: str) -> None:
        placement = self._shelf.find(name)
        if placement is None:
            raise ModelRefusedError(f"nothing is placed under the name {name!r}; place it first")
        until = time.monotonic() + placement.inference.load_timeout_s
        state = self._status().get(name, {}).get("state")
        if state == "DELETING":
            self._await_gone(name, until)
            state = None
        if state == "RUNNING":
            self._check_whose(placement)
            return
        if state == "DEPLOY_FAILED":
            self.unload(name)
        if state in (None, "DEPLOY_FAILED"):
            self._deploy(placement)
        self._await_running(placement, until)

    def _deploy(self, placement: Placement) -> None:
        name, search = placement.name, [path for path in sys.path if path] if self._local else []
        options, pool = deployment_options(placement), self._pool(placement)
        arguments: list[JsonValue] = [
            placement.model_dump_json(),
            str(self._shelf.model(name)),
            cast("list[JsonValue]", search),
            pool.application if pool else "",
        ]
        if pool is None:
            self._ask("deploy", name=name, options=options, arguments=arguments)
            return
        with locked(self._folder / POOLS_LOCK):
            if self._status().get(pool.application, {}).get("state") in ("DELETING", "DEPLOY_FAILED"):
                self._end(pool.application)
            self._ask("gather", name=pool.application, options=options, arguments=[str(self._shelf.folder), pool.limit])
            self._ask("deploy", name=name, options=front_options(pool.application), arguments=arguments)
            self._await(lambda: self._status().get(name, {}).get("pool") == pool.application, name)

    def _pool(self, placement: Placement) -> Pool | None:
        return pool_of(placement, self._shelf.folder, deployment_options(placement))

    def _check_whose(self, placement: Placement) -> None:
        """Raises ModelRefusedError where the application of that name serves something else."""
        told = json.loads(self._clients()[0].text(f"/v2/models/{placement.name}")).get("parameters", {})
        if told.get("placement") != fingerprint(placement):
            whose = ", ".join(f"{key} {value}" for key, value in told.get("owner", {}).items()) or "nobody known"
            raise ModelRefusedError(
                f"Ray Serve has another application {placement.name!r}, of {whose}; serve this under another name"
            )

    def _await_running(self, placement: Placement, until: float) -> None:
        """Until it runs and both doors know it; raises ModelRefusedError, and takes it away, where it does not."""
        name = placement.name
        while True:
            found = self._status().get(name, {})
            state, why = found.get("state", "gone"), found.get("why", "")
            if state == "RUNNING" and self._ready(name):
                return
            if state == "DEPLOY_FAILED":
                self._withdraw(name)
                raise ModelRefusedError(f"Ray Serve cannot load {name!r}: {reason_of(why)}")
            if time.monotonic() > until:
                room = self._room(placement)
                self._withdraw(name)
                limit = placement.inference.load_timeout_s
                raise ModelRefusedError(f"Ray Serve has not loaded {name!r} in {limit:g} s ({state}){room}")
            time.sleep(LOOK_S)

    def _ready(self, name: str) -> bool:
        """Whether both doors know it: HAProxy hears of REST and gRPC one after the other."""
        rest, grpc = self._clients()
        return rest.ready(name) and grpc.ready(self.address(name))

    def _room(self, placement: Placement) -> str:
        """What the cluster lacks for one instance, in words; empty where it lacks nothing, or the pool is there."""
        pool = self._pool(placement)
        if pool and self._status().get(pool.application, {}).get("state") == "RUNNING":
            return ""
        free = cast("Mapping[str, Mapping[str, float]]", self._ask("resources"))["free"]
        lacks = [
            f"{what} {claim:g}, free {free.get(what, 0.0):g}"
            for what, claim in claims(placement).items()
            if claim > free.get(what, 0.0)
        ]
        return f"; the cluster lacks room: {'; '.join(lacks)}" if lacks else ""

    def unload(self, name: str) -> None:
        if not is_model(name):
            return
        found, placement = self._status(), self._shelf.find(name)
        pool = self._pool(placement) if placement else None
        application = found.get(name, {}).get("pool") or (pool.application if pool else "")
        if name in found:
            self._end(name)
        if name in found or application in found:
            self._forget(name, application)

    def _end(self, name: str, timeout_s: float = UNLOADING_S) -> None:
        self._ask("delete", name=name)
        self._await_gone(name, time.monotonic() + timeout_s)

    def _forget(self, name: str, pool: str) -> None:
        """Its counts, and its place in a pool, which goes with its last model."""
        with locked(self._folder / POOLS_LOCK):
            self._ask("forget", name=name, pool=pool)
            if self._status().get(pool, {}).get("state") == "DELETING":
                self._await_gone(pool, time.monotonic() + UNLOADING_S)

    def _withdraw(self, name: str) -> None:
        """Unload it; Ray takes a minute for what waits for room, and nobody needs to wait with it."""
        pool = self._status().get(name, {}).get("pool", "")
        with contextlib.suppress(ServingError):
            self._end(name, WITHDRAWING_S)
        self._ask("forget", name=name, pool=pool)

    def _await_gone(self, name: str, until: float) -> None:
        while name in self._status():
            if time.monotonic() > until:
                raise ServingError(f"Ray Serve is still unloading {name!r}; its requests under way have not ended")
            time.sleep(LOOK_S)

    def remove(self, name: str) -> None:
        self._shelf.drop(name)

    def models(self) -> Mapping[str, ServedModel]:
        found = self._status()
        return {name: served_model(name, decisive(each, found)) for name, each in found.items() if is_model(name)}

    def address(self, name: str) -> Address:
        rest, grpc = self._ports()
        host = self._options.host
        return Address(model=name, rest=f"http://{host}:{rest}", grpc=f"{host}:{grpc}", metadata={"application": name})

    def infer(
        self, name: str, request: InferenceRequest, *, protocol: Protocol = Protocol.REST, timeout_s: float = 30.0
    ) -> InferenceResponse:
        rest, grpc = self._clients()
        if protocol is Protocol.REST:
            return rest.infer(name, request, timeout_s=timeout_s)
        return grpc.infer(self.address(name), request, timeout_s)

    def traffic(self) -> Mapping[str, Traffic]:
        totals = cast("Mapping[str, Mapping[str, float]]", self._ask("totals"))
        return {name: traffic_of(counts) for name, counts in totals.items()}

    def metrics(self) -> str:
        return together(scraped(place) for place in cast("list[str]", self._ask("exporters")))

    def stop(self) -> None:
        if self._local is None:
            return
        with self._local.locked():
            self._local.end()
        self.close()

    def close(self) -> None:
        with self._opening:
            closing = [each for each in (self._line, self._rest, self._grpc) if each is not None]
            self._line, self._rest, self._grpc = None, None, None
        for each in closing:
            each.close()

    def _status(self) -> Mapping[str, Status]:
        return cast("Mapping[str, Status]", self._ask("status"))

    def _ask(self, call: str, **arguments: JsonValue) -> JsonValue:
        return self._connected().ask(call, arguments)

    def _connected(self) -> Line:
        """The line to the cluster that runs now; raises ServingError where none does."""
        cluster = self._cluster()
        with self._opening:
            if self._line is not None and self._line_to != cluster:  # another one now, perhaps at the same port
                self._line.close()
                self._line = None
            if self._line is None:
                self._line, self._line_to = self._opened(cluster), cluster
            return self._line

    def _cluster(self) -> Cluster | None:
        """The local cluster that runs, None where the options name another; raises ServingError where none runs."""
        if self._local is None:
            return None
        cluster = self._local.running()
        if cluster is None:
            raise ServingError(f"no Ray cluster of {self._folder} runs; start it")
        return cluster

    def _opened(self, cluster: Cluster | None) -> Line:
        """The way to the cluster: its address, and an environment with its token."""
        token, self_made = self._folder / "remote.token", self._local
        if self_made is not None:
            token = self_made.token
        elif self._options.token is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_whole(token, self._options.token.reveal())
        surroundings = {**environment.inherited(os.environ), **environment.quiet(self._options.haproxy)}
        surroundings.update(environment.of_control())
        if self_made is not None or self._options.token is not None:
            surroundings.update(environment.with_token(token))
        return Line(
            address=f"127.0.0.1:{cluster.ports.gcs}" if cluster else self._options.address,
            environment=surroundings,
            log=self._folder / "control.log",
            timeout_s=self._options.call_timeout_s,
        )

    def _ports(self) -> tuple[int, int]:
        """Where clients ask, by REST and by gRPC."""
        if self._options.http_port and self._options.grpc_port:
            return self._options.http_port, self._options.grpc_port
        cluster = self._local.recorded() if self._local else None
        if cluster is None:
            raise ServingError(f"no Ray cluster of {self._folder} was started yet; start it")
        return cluster.ports.http, cluster.ports.grpc

    def _clients(self) -> tuple[RestClient, GrpcClient]:
        host, (rest, grpc) = self._options.host, self._ports()
        with self._opening:
            if self._rest is None or self._rest.url != f"http://{host}:{rest}":
                self._rest = RestClient(f"http://{host}:{rest}")
                self._grpc = GrpcClient(f"{host}:{grpc}")
            assert self._grpc is not None
            return self._rest, self._grpc


def served_model(name: str, found: Status) -> ServedModel:
    """How an application stands, in cmcore's words."""
    state = STATES.get(found["state"], ServedState.UNAVAILABLE)
    ready = state is ServedState.READY
    return ServedModel(name=name, state=state, reason="" if ready else reason_of(found["why"]) or found["state"])


def decisive(found: Status, applications: Mapping[str, Status]) -> Status:
    """The status that says how a model stands: its own, or its pool's where only that keeps it from answering."""
    pool = applications.get(found["pool"], found)
    return found if pool["state"] == "RUNNING" else pool


def traffic_of(counts: Mapping[str, float]) -> Traffic:
    """Counts as the tally keeps them, in cmcore's words."""
    return Traffic(
        answered=int(counts["answered"]),
        failed=int(counts["failed"]),
        pending=int(counts["pending"]),
        queue_s=counts["queue_s"],
        compute_s=counts["compute_s"],
    )


def scraped(place: str) -> str:
    """A node's metrics; raises ServingError."""
    with RestClient(f"http://{place}", timeout_s=10.0) as client:
        return client.text("/metrics")
