"""A real cluster with a model: official clients, other people's requests, and what kills leave."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy
import psutil
import pytest
import tritonclient.grpc
import tritonclient.http

from cmcore.errors import InferenceError, ModelRefusedError, ServingError
from cmcore.inference.request import InferenceRequest
from cmcore.serving.backend import Address, Protocol, ServedState
from cmcore.serving.document import Autoscaling
from cmcore.testing.serving_models import TinyModels, to_double
from cmcore_ray.backend import RayBackend
from cmcore_ray.cluster import Cluster, LocalCluster
from cmcore_ray.options import RayOptions

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]
Eventually = Callable[..., bool]
Replicas = Callable[[str], list[psutil.Process]]
NAME = "doubling-1"
ASKED: InferenceRequest = to_double([[1, 2]], id="7")
BODY = json.dumps(ASKED.document()).encode()


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TinyModels:
    return TinyModels(folder=tmp_path_factory.mktemp("tiny"), batching=True)


@pytest.fixture(scope="module")
def model(backend: RayBackend, tiny: TinyModels) -> Iterator[RayBackend]:
    """The backend with a model that doubles."""
    backend.place(tiny.doubling(NAME))
    backend.load(NAME)
    yield backend
    backend.unload(NAME)
    backend.remove(NAME)


@pytest.fixture
def connection(model: RayBackend) -> Iterator[http.client.HTTPConnection]:
    """A connection that is kept open."""
    connection = http.client.HTTPConnection(model.address(NAME).rest.removeprefix("http://"))
    yield connection
    connection.close()


@pytest.fixture
def channel(model: RayBackend) -> Iterator[tritonclient.grpc.InferenceServerClient]:
    """Triton's own client over gRPC."""
    client = tritonclient.grpc.InferenceServerClient(model.address(NAME).grpc)
    yield client
    client.close()


def asked(
    connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None = None
) -> tuple[int, bytes]:
    connection.request(method, path, body)
    answer = connection.getresponse()
    return answer.status, answer.read()


def answers(backend: RayBackend, protocol: Protocol = Protocol.REST) -> bool:
    """Whether it does so rightly now; a server that is coming back may refuse, or not be there."""
    try:
        return list(backend.infer(NAME, ASKED, protocol=protocol, timeout_s=5).output("y").data) == [2.0, 4.0]
    except (InferenceError, ServingError):
        return False


@pytest.mark.parametrize("binary", [True, False])
def test_tritons_http_client_is_answered(model: RayBackend, binary: bool) -> None:
    client = tritonclient.http.InferenceServerClient(model.address(NAME).rest.removeprefix("http://"))
    given = tritonclient.http.InferInput("x", [1, 2], "FP32")
    given.set_data_from_numpy(numpy.array([[1, 2]], dtype=numpy.float32), binary_data=binary)
    wanted = [tritonclient.http.InferRequestedOutput("y", binary_data=binary)]
    found = client.infer(NAME, [given], outputs=wanted, request_id="7")
    client.close()
    assert (found.as_numpy("y").tolist(), found.get_response()["id"]) == ([[2, 4]], "7")


def test_tritons_grpc_client_is_answered(model: RayBackend, channel: tritonclient.grpc.InferenceServerClient) -> None:
    given = tritonclient.grpc.InferInput("x", [1, 2], "FP32")
    given.set_data_from_numpy(numpy.array([[1, 2]], dtype=numpy.float32))
    found = channel.infer(NAME, [given], headers=model.address(NAME).metadata)
    assert found.as_numpy("y").tolist() == [[2, 4]]


def test_tritons_grpc_client_finds_the_model_ready(
    model: RayBackend, channel: tritonclient.grpc.InferenceServerClient
) -> None:
    headers = model.address(NAME).metadata
    found = [
        channel.is_server_live(headers),
        channel.is_server_ready(headers),
        channel.is_model_ready(NAME, "", headers),
    ]
    assert found == [True, True, True]


def test_tritons_grpc_client_reads_the_metadata(
    model: RayBackend, channel: tritonclient.grpc.InferenceServerClient
) -> None:
    assert channel.get_model_metadata(NAME, headers=model.address(NAME).metadata).inputs[0].name == "x"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2", 200),
        ("GET", "/v2/health/live", 200),
        ("GET", "/v2/health/ready", 200),
        ("POST", "/v2/repository/index", 200),
        ("GET", "/v2/repository/index", 405),
        ("POST", "/v2/health/live", 405),
        ("GET", "/v2/foo", 404),
        ("GET", "/v2/models/nope", 404),
        ("GET", "/v2/models/nope/ready", 400),
        ("POST", "/v2/models/nope/infer", 404),
        ("POST", f"/v2/models/{NAME}/infer", 200),
        ("POST", f"/v2/models/{NAME}/versions/1/infer", 200),
        ("POST", f"/v2/models/{NAME}/versions/2/infer", 404),
        ("GET", f"/v2/models/{NAME}/infer", 405),
        ("GET", f"/v2/models/{NAME}", 200),
        ("GET", f"/v2/models/{NAME}/ready", 200),
        ("GET", f"/v2/models/{NAME}/versions/2/ready", 400),
        ("GET", f"/v2/models/{NAME}2", 404),
    ],
)
def test_a_path_is_answered_as_triton_does(
    connection: http.client.HTTPConnection, method: str, path: str, status: int
) -> None:
    assert asked(connection, method, path, BODY)[0] == status


def test_the_index_names_models_only(connection: http.client.HTTPConnection) -> None:
    _, told = asked(connection, "POST", "/v2/repository/index", b"{}")
    found = {each["name"]: each["state"] for each in json.loads(told)}
    assert (found[NAME], "cmcore-door" in found) == ("READY", False)


def test_connections_that_are_open_reach_a_model_that_came_since(
    model: RayBackend, connection: http.client.HTTPConnection, tiny: TinyModels
) -> None:
    asked(connection, "GET", "/v2/health/live")
    model.place(tiny.doubling("later-1"))
    model.load("later-1")
    status, _ = asked(connection, "POST", "/v2/models/later-1/infer", BODY)
    model.unload("later-1")
    model.remove("later-1")
    assert status == 200


def test_channels_that_are_open_reach_a_model_that_came_since(
    model: RayBackend, channel: tritonclient.grpc.InferenceServerClient, tiny: TinyModels
) -> None:
    channel.is_server_live(model.address(NAME).metadata)
    model.place(tiny.doubling("later-2"))
    model.load("later-2")
    found = channel.is_model_ready("later-2", "", {"application": "later-2"})
    model.unload("later-2")
    model.remove("later-2")
    assert found


@pytest.mark.parametrize("path", ["/v2/health/live", "/v2/models/going-1"])
def test_connections_that_are_open_find_that_a_model_has_gone(
    model: RayBackend, connection: http.client.HTTPConnection, tiny: TinyModels, path: str
) -> None:
    model.place(tiny.doubling("going-1"))
    model.load("going-1")
    first = asked(connection, "GET", path)[0]
    model.unload("going-1")
    model.remove("going-1")
    again = [asked(connection, "POST", "/v2/models/going-1/infer", BODY)[0] for _ in range(3)]
    assert (first, again) == (200, [404] * 3)


def test_channels_that_are_open_find_that_a_model_has_gone(
    model: RayBackend, channel: tritonclient.grpc.InferenceServerClient, tiny: TinyModels
) -> None:
    model.place(tiny.doubling("going-2"))
    model.load("going-2")
    channel.is_model_ready("going-2", "", {"application": "going-2"})
    model.unload("going-2")
    model.remove("going-2")
    with pytest.raises(tritonclient.grpc.InferenceServerException, match="NOT_FOUND"):
        channel.get_model_metadata("going-2", headers={"application": "going-2"})


def test_an_autoscaled_model_is_served(model: RayBackend, tiny: TinyModels) -> None:
    placement = tiny.doubling("scaled-1")
    scaled = placement.deployment.model_copy(update={"autoscaling": Autoscaling(max_instances=2)})
    model.place(placement.model_copy(update={"deployment": scaled}))
    model.load("scaled-1")
    found = model.infer("scaled-1", ASKED)
    model.unload("scaled-1")
    model.remove("scaled-1")
    assert list(found.output("y").data) == [2.0, 4.0]


def test_a_model_that_finds_no_room_is_refused_with_what_is_lacking(model: RayBackend, tiny: TinyModels) -> None:
    placement = tiny.doubling("huge-1")
    huge = placement.deployment.model_copy(update={"cpu_cores": 4000.0})
    short = placement.inference.model_copy(update={"load_timeout_s": 3.0})
    model.place(placement.model_copy(update={"deployment": huge, "inference": short}))
    with pytest.raises(ModelRefusedError, match="CPU 4000, free"):
        model.load("huge-1")
    model.remove("huge-1")


def test_metrics_are_those_of_the_cluster(model: RayBackend, eventually: Eventually) -> None:
    assert eventually(lambda: "ray_serve_" in model.metrics())


def test_a_replica_that_was_killed_comes_back(model: RayBackend, replicas: Replicas, eventually: Eventually) -> None:
    for process in replicas(NAME):
        process.kill()
    assert eventually(lambda: answers(model) and model.models()[NAME].state is ServedState.READY)


def test_counts_survive_a_killed_replica(model: RayBackend, replicas: Replicas, eventually: Eventually) -> None:
    answers(model)
    time.sleep(0.5)
    before = model.traffic()[NAME].answered
    for process in replicas(NAME):
        process.kill()
    eventually(lambda: answers(model))
    assert eventually(lambda: model.traffic()[NAME].answered > before)


STARTER = """
import sys, time
from pathlib import Path
from cmcore_ray.backend import RayBackend
if __name__ == "__main__":
    backend = RayBackend(Path(sys.argv[1]))
    backend.start()
    print("started", flush=True)
    time.sleep(600)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphan:
    """A process starts a cluster and is killed; another finds it and loads a model; the cluster is killed and started
    again, and what was placed is loaded; then it is stopped."""

    found: tuple[bool, bool]
    gone: str
    empty: bool
    restored: tuple[bool, bool]
    addresses: tuple[Address, Address]
    left: Sequence[int]
    files: bool


@pytest.fixture(scope="module")
def orphan(tmp_path_factory: pytest.TempPathFactory, tiny: TinyModels, eventually: Eventually) -> Orphan:
    """That story."""
    folder = tmp_path_factory.mktemp("orphan")
    kill_starter(folder)
    backend = RayBackend(folder)
    try:
        backend.place(tiny.doubling(NAME))
        backend.load(NAME)
        found, before = (answers(backend), answers(backend, Protocol.GRPC)), backend.address(NAME)
        os.kill(cluster_of(folder).pid, signal.SIGKILL)
        eventually(lambda: LocalCluster(folder, RayOptions()).running() is None)
        with pytest.raises(ServingError) as gone:
            backend.models()
        backend.start()
        empty = dict(backend.models()) == {}
        backend.load(NAME)
        restored, after = (answers(backend), answers(backend, Protocol.GRPC)), backend.address(NAME)
        cluster = cluster_of(folder)
    finally:
        backend.stop()
        backend.close()
    left = [each.pid for each in psutil.process_iter() if cluster.run in " ".join(cmdline(each))]
    return Orphan(
        found=found, gone=str(gone.value), empty=empty, restored=restored, addresses=(before, after), left=left,
        files=Path(cluster.run).exists(),
    )  # fmt: skip


def kill_starter(folder: Path) -> None:
    """Have a process start the cluster, and kill it."""
    with subprocess.Popen([sys.executable, "-c", STARTER, str(folder)], stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        told = starter.stdout.readline()
        os.kill(starter.pid, signal.SIGKILL)
    assert told == b"started\n"


def cluster_of(folder: Path) -> Cluster:
    cluster = LocalCluster(folder, RayOptions()).running()
    assert cluster is not None
    return cluster


def test_a_cluster_whose_starter_was_killed_is_found(orphan: Orphan) -> None:
    assert orphan.found == (True, True)


def test_a_killed_cluster_is_told_of(orphan: Orphan) -> None:
    assert "start it" in orphan.gone


def test_a_cluster_that_was_killed_starts_empty(orphan: Orphan) -> None:
    assert orphan.empty


def test_a_cluster_that_was_killed_is_restored_by_start_and_load(orphan: Orphan) -> None:
    assert orphan.restored == (True, True)


def test_a_cluster_that_was_killed_keeps_its_addresses(orphan: Orphan) -> None:
    assert orphan.addresses[0] == orphan.addresses[1]


def test_a_stopped_cluster_leaves_no_process_and_no_files(orphan: Orphan) -> None:
    assert (orphan.left, orphan.files) == ([], False)


def test_clusters_of_two_folders_do_not_meet(orphan: Orphan, model: RayBackend) -> None:
    assert orphan.addresses[0].rest != model.address(NAME).rest


def cmdline(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_a_model_that_nobody_has_is_not_found_by_grpc(model: RayBackend) -> None:
    client = tritonclient.grpc.InferenceServerClient(model.address(NAME).grpc)
    with pytest.raises(tritonclient.grpc.InferenceServerException, match="NOT_FOUND"):
        client.get_model_metadata("nope", headers={"application": "nope"})
    client.close()
