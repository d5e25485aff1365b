"""Options, ports, the tally, metrics of several nodes, compressed bodies, and paths with versions."""

from __future__ import annotations

import gzip
import socket
import zlib
from contextlib import ExitStack
from pathlib import Path

import pytest

from cmcore.errors import ConfigError, ServingError
from cmcore.testing.plugins import PluginContract
from cmcore_ray.asgi import unpacked
from cmcore_ray.backend import ray_backend
from cmcore_ray.codec.refusal import RefusalError
from cmcore_ray.environment import inherited, of_cluster
from cmcore_ray.metrics import together
from cmcore_ray.options import RayOptions
from cmcore_ray.ports import Ports, claimed_ports, is_free
from cmcore_ray.replica import split_path
from cmcore_ray.tally import Counter, Tally, total

HOST = "127.0.0.1"


class TestPlugin(PluginContract):
    @pytest.fixture
    def plugin_module(self) -> str:
        return "cmcore_ray.plugin"


@pytest.mark.parametrize(
    "options",
    [
        {"address": "ray:6379"},
        {"token": "${secret:ray}"},
        {"num_cpus": 0},
        {"objects": 1},
        {"http_port": "8000"},
    ],
    ids=str,
)
def test_options_that_cannot_be_are_refused(options: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="serving backend 'ray'"):
        ray_backend(tmp_path, **options)  # type: ignore[arg-type] # JSON


def test_a_remote_cluster_is_known_by_address_and_ports(tmp_path: Path) -> None:
    backend = ray_backend(tmp_path, address="ray:6379", host="serve", http_port=8000, grpc_port=9000)
    assert (backend.address("m").rest, backend.address("m").grpc) == ("http://serve:8000", "serve:9000")


def test_before_a_cluster_was_started_there_is_no_address(tmp_path: Path) -> None:
    with pytest.raises(ServingError, match="start it"):
        ray_backend(tmp_path).address("m")


def test_stopping_what_was_never_started_does_nothing(tmp_path: Path) -> None:
    backend = ray_backend(tmp_path)
    backend.stop()
    assert not (tmp_path / "cluster.json").exists()


def chosen(before: Ports | None = None, http: int | None = None) -> Ports:
    """The ports that a cluster would have."""
    with claimed_ports(HOST, http, None, before) as ports:
        return ports


def test_clusters_that_start_at_the_same_time_have_blocks_of_their_own() -> None:
    with ExitStack() as starting:
        blocks = [starting.enter_context(claimed_ports(HOST, None, None, None)).base for _ in range(8)]
    assert len(set(blocks)) == 8


def test_ports_that_another_cluster_is_about_to_take_are_given_up() -> None:
    with claimed_ports(HOST, None, None, None) as others:
        assert chosen(others).base != others.base


def test_ports_that_are_still_free_are_kept() -> None:
    before = chosen()
    assert chosen(before) == before


def test_ports_that_somebody_has_are_given_up() -> None:
    before = chosen()
    with socket.create_server((HOST, before.gcs)):
        assert chosen(before).base != before.base


def test_a_given_port_that_somebody_has_is_named() -> None:
    with socket.create_server((HOST, 0)) as taken, pytest.raises(ServingError, match=str(taken.getsockname()[1])):
        chosen(http=taken.getsockname()[1])


def test_given_ports_are_taken() -> None:
    with socket.create_server((HOST, 0)) as probe:
        free = probe.getsockname()[1]
    assert (is_free(HOST, free), chosen(http=free).http) == (True, free)


def test_no_two_parts_of_a_cluster_share_a_port() -> None:
    ports = chosen()
    http, grpc = ports.replicas
    every = [ports.http, ports.grpc, ports.claim, *ports.inner, *http, *grpc]
    assert len(set(every)) == len(every)


def test_a_cluster_of_ours_is_not_led_astray_by_the_environment() -> None:
    assert inherited({"RAY_ADDRESS": "ray:6379", "PATH": "/bin"}) == {"PATH": "/bin"}


def test_files_of_the_proxy_are_the_clusters_own() -> None:
    told = of_cluster(chosen(), Path("/tmp/cm-ray-1"))
    assert [name for name, value in told.items() if value.startswith("/") and "/tmp/cm-ray-1" not in value] == []


def test_counts_of_replicas_add_up() -> None:
    tally = Tally()
    tally.tell("m", "a", Counter(answered=2, pending=1).counts())
    tally.tell("m", "b", Counter(answered=3, failed=1, pending=1).counts())
    assert tally.totals()["m"] == Counter(answered=5, failed=1, pending=2).counts()


def test_a_replica_replaces_what_it_told_before() -> None:
    tally = Tally()
    tally.tell("m", "a", Counter(answered=2).counts())
    tally.tell("m", "a", Counter(answered=5).counts())
    assert tally.totals()["m"]["answered"] == 5


def test_what_a_silent_replica_had_under_way_is_over() -> None:
    silent = {"a": (0.0, Counter(answered=2, pending=3).counts())}
    assert total(silent, late=1.0) == Counter(answered=2).counts()


def test_an_unloaded_model_is_forgotten() -> None:
    tally = Tally()
    tally.tell("m", "a", Counter(answered=2).counts())
    tally.forget("m")
    assert tally.totals() == {}


def test_metrics_of_several_nodes_describe_each_metric_once() -> None:
    node = '# HELP a_total Things\n# TYPE a_total counter\na_total{{node="{0}"}} {0}\n'
    assert together([node.format(1), node.format(2)]) == (
        '# HELP a_total Things\n# TYPE a_total counter\na_total{node="1"} 1\na_total{node="2"} 2\n'
    )


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_compressed_bodies_are_unpacked(encoding: str, pack: object) -> None:
    assert callable(pack)
    assert unpacked(pack(b"{}" * 100), encoding) == b"{}" * 100


@pytest.mark.parametrize(
    ("encoding", "body"),
    [("gzip", b"{}"), ("br", b"{}"), ("gzip", gzip.compress(b"{}")[:-3])],
    ids=["not packed", "of a kind that nobody has", "cut short"],
)
def test_bodies_that_cannot_be_unpacked_are_refused(encoding: str, body: bytes) -> None:
    with pytest.raises(RefusalError):
        unpacked(body, encoding)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("", ("", "")),
        ("/infer", ("", "/infer")),
        ("/versions/1", ("1", "")),
        ("/versions/1/infer", ("1", "/infer")),
        ("/versions/12/ready", ("12", "/ready")),
        ("/versions/x/infer", ("", "/versions/x/infer")),
        ("/versions//infer", ("", "/versions//infer")),
        ("/infer/", ("", "/infer/")),
    ],
)
def test_a_path_may_name_a_version(path: str, found: tuple[str, str]) -> None:
    assert split_path(path) == found


def test_defaults_are_a_local_cluster() -> None:
    assert (RayOptions().address, RayOptions().haproxy) == ("", True)
