"""Models on a real Triton: given configurations, predictors with bad manners, dying processes, batches, the cache."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest
from pydantic import JsonValue

from cmcore.components.secret import Secret
from cmcore.errors import InferenceError, InferenceStatus, ModelRefusedError, ServingError
from cmcore.inference.datatype import DataType
from cmcore.inference.interface import Interface
from cmcore.inference.request import InferenceRequest
from cmcore.inference.tensor import Tensor, TensorSpec
from cmcore.serving.backend import Flavor, Placement, Protocol, ServedState
from cmcore.serving.document import Batching, InstanceGroup, Queue
from cmcore.testing.serving_models import TinyModels, to_double, to_measure
from cmcore_triton.backend import TritonBackend
from cmcore_triton.options import TritonOptions
from cmcore_triton.server_process import birth

pytestmark = pytest.mark.integration
Serve = Callable[[Placement], str]


@pytest.fixture
def serve(triton: TritonBackend) -> Iterator[Serve]:
    """Places and loads a model, which is gone after the test; gives its name."""
    served: list[str] = []

    def place_and_load(placement: Placement) -> str:
        served.append(placement.name)
        triton.place(placement)
        triton.load(placement.name)
        return placement.name

    yield place_and_load
    for name in served:
        triton.unload(name)
        triton.remove(name)


def with_inference(placement: Placement, **changes: object) -> Placement:
    return placement.model_copy(update={"inference": placement.inference.model_copy(update=changes)})


def rude_one(tiny: TinyModels, rude: str, predictor: str) -> Placement:
    flavor = Flavor(name="rude", factory=f"{rude}:{predictor}")
    return tiny.doubling(f"rude-{predictor.lower()}").model_copy(update={"flavor": flavor})


def kill_process_of(triton: TritonBackend, name: str) -> None:
    """The process of a model is killed from outside."""
    assert triton.local is not None
    for process in triton.local.stubs_left():
        if any(f"/{name}/" in argument for argument in process.cmdline()):
            process.send_signal(signal.SIGKILL)
            while birth(process.pid):
                time.sleep(0.01)


def processes_of(triton: TritonBackend, name: str) -> int:
    assert triton.local is not None
    return triton.local.running_models().get(name, 0)


def state_once_settled(triton: TritonBackend, name: str) -> ServedState:
    """How a model stands once it does not load any more, ten seconds later at most."""
    until = time.monotonic() + 10
    while triton.models()[name].state is ServedState.LOADING and time.monotonic() < until:
        time.sleep(0.1)
    return triton.models()[name].state


def server_config(triton: TritonBackend, name: str) -> str:
    assert triton.local is not None
    return (triton.local.models / name / "config.pbtxt").read_text()


GIVEN: list[str | dict[str, JsonValue]] = [
    "max_batch_size: 5\n", '{"max_batch_size": 5}', {"max_batch_size": 5, "dynamic_batching": {}},
]  # fmt: skip


@pytest.mark.parametrize("raw", GIVEN, ids=["pbtxt", "json", "mapping"])
def test_a_given_configuration_is_the_servers(
    raw: str | dict[str, JsonValue], triton: TritonBackend, tiny: TinyModels, serve: Serve
) -> None:
    name = serve(with_inference(tiny.doubling("given"), server_config=raw))
    with pytest.raises(InferenceError, match="batch-size must be <= 5"):
        triton.infer(name, to_double([[1, 2]] * 6))


def test_a_configuration_that_the_server_refuses_is_told(triton: TritonBackend, tiny: TinyModels, serve: Serve) -> None:
    odd = with_inference(tiny.doubling("odd"), server_config="dynamic_batching { preferred_batch_size: 999 }\n")
    with pytest.raises(ModelRefusedError, match="preferred size must be <= max batch size"):
        serve(odd)


def test_the_owner_is_in_the_configuration(triton: TritonBackend, tiny: TinyModels, serve: Serve) -> None:
    name = serve(tiny.doubling("owned"))
    assert 'key: "cmcore.project"' in server_config(triton, name)


def test_concurrent_requests_are_one_execution(triton: TritonBackend, tiny: TinyModels, serve: Serve) -> None:
    batching = Batching(max_batch_size=8, preferred_batch_sizes=(2,), max_delay_us=2_000_000)
    name = serve(with_inference(tiny.moody("together"), batching=batching))
    with ThreadPoolExecutor(2) as clients:
        answers = list(clients.map(lambda word: triton.infer(name, to_measure(word)), ["one", "three"]))
    assert [(it.output("length").data, it.output("together").data) for it in answers] == [
        ((3.0,), (2,)),
        ((5.0,), (2,)),
    ]


def test_one_bad_request_of_a_batch_fails_alone(triton: TritonBackend, tiny: TinyModels, serve: Serve) -> None:
    batching = Batching(max_batch_size=8, preferred_batch_sizes=(2,), max_delay_us=2_000_000)
    name = serve(with_inference(tiny.moody("apart"), batching=batching))
    with ThreadPoolExecutor(2) as clients:
        good = clients.submit(triton.infer, name, to_measure("four"))
        bad = clients.submit(triton.infer, name, to_measure("raise!"))
    assert (good.result().output("length").data, "no length" in str(bad.exception())) == ((4.0,), True)


def test_cached_answers_are_counted(triton: TritonBackend, tiny: TinyModels, serve: Serve) -> None:
    name = serve(with_inference(tiny.doubling("cached"), response_cache=True))
    answers = [triton.infer(name, to_double([[1, 2]])).output("y").data for _ in range(4)]
    assert (answers[-1], triton.traffic()[name].cache_hits, triton.traffic()[name].answered) == ((2.0, 4.0), 3, 4)


def test_a_queue_works_for_a_model_without_rows(triton: TritonBackend, tiny: TinyModels, serve: Serve) -> None:
    whole = tiny.doubling("whole")
    spec = TensorSpec(name="x", datatype=DataType.FP32, shape=(1, 2))
    interface = Interface(
        inputs=(spec,), outputs=(TensorSpec(name="y", datatype=DataType.FP32, shape=(1, 2)),), batched=False
    )
    placement = whole.model_copy(update={"interface": interface})
    name = serve(with_inference(placement, queue=Queue(max_size=9), batching=Batching()))
    assert triton.infer(name, to_double([[1, 2]])).output("y").data == (2.0, 4.0)


@pytest.mark.parametrize("protocol", list(Protocol), ids=str)
def test_tensors_of_nothing_but_rows_are_served(
    protocol: Protocol, triton: TritonBackend, tiny: TinyModels, serve: Serve, rude: str
) -> None:
    output = TensorSpec(name="y", datatype=DataType.FP32, shape=())
    placement = rude_one(tiny, rude, "Rows")
    interface = Interface(inputs=placement.interface.inputs, outputs=(output,))
    name = serve(placement.model_copy(update={"interface": interface}))
    answer = triton.infer(name, to_double([[1, 2], [3, 4]]), protocol=protocol).output("y")
    assert (answer.shape, answer.data) == ((2,), (3.0, 7.0))


@pytest.mark.parametrize("value", [1.0, -1.0, -2.0], ids=["objects", "nothing", "exit"])
def test_an_answer_that_is_none_fails_alone(
    value: float, triton: TritonBackend, tiny: TinyModels, serve: Serve, rude: str
) -> None:
    name = serve(rude_one(tiny, rude, "Nonsense"))
    with pytest.raises(InferenceError) as caught:
        triton.infer(name, to_double([[value, 0]]))
    assert (caught.value.status, triton.models()[name].state) == (InferenceStatus.FAILED, ServedState.READY)


def test_requests_that_failed_are_no_answers(triton: TritonBackend, tiny: TinyModels, serve: Serve) -> None:
    name = serve(tiny.moody("counting"))
    triton.infer(name, to_measure("four"))
    with pytest.raises(InferenceError):
        triton.infer(name, to_measure("raise!"))
    assert (triton.traffic()[name].answered, triton.traffic()[name].failed) == (1, 1)


def test_failures_are_forgotten_with_the_load(triton: TritonBackend, tiny: TinyModels, serve: Serve) -> None:
    name = serve(tiny.moody("forgetting"))
    with pytest.raises(InferenceError):
        triton.infer(name, to_measure("raise!"))
    triton.unload(name)
    triton.load(name)
    assert triton.traffic()[name].failed == 0


@pytest.mark.parametrize("protocol", list(Protocol), ids=str)
def test_a_model_that_ends_its_process_is_unavailable(
    protocol: Protocol, triton: TritonBackend, tiny: TinyModels, serve: Serve, rude: str
) -> None:
    name = serve(rude_one(tiny, rude, "Dying"))
    with pytest.raises(InferenceError) as caught:
        triton.infer(name, to_double([[666, 0]]), protocol=protocol)
    assert caught.value.status is InferenceStatus.UNAVAILABLE


def test_a_model_whose_process_was_killed_is_listed_as_such(
    triton: TritonBackend, tiny: TinyModels, serve: Serve
) -> None:
    name = serve(tiny.doubling("killed"))
    kill_process_of(triton, name)
    found = triton.models()[name]
    assert (found.state, "1 of its 1 processes ended" in found.reason) == (ServedState.UNAVAILABLE, True)


def test_a_model_whose_process_was_killed_is_loaded_again(
    triton: TritonBackend, tiny: TinyModels, serve: Serve
) -> None:
    name = serve(tiny.doubling("healed"))
    kill_process_of(triton, name)
    triton.load(name)
    assert triton.infer(name, to_double([[1, 2]])).output("y").data == (2.0, 4.0)


def test_a_model_of_which_one_process_died_is_loaded_again(
    triton: TritonBackend, tiny: TinyModels, serve: Serve, rude: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = (InstanceGroup(kind="cpu", count=2),)
    name = serve(with_inference(rude_one(tiny, rude, "Dying"), instance_groups=groups))
    with pytest.raises(InferenceError):
        triton.infer(name, to_double([[666, 0]]))
    monkeypatch.setattr(triton, "_options", triton._options.model_copy(update={"unload_timeout_s": 3.0}))
    triton.load(name)
    assert triton.infer(name, to_double([[1, 2]])).output("y").data == (2.0, 4.0)


def test_an_unload_that_does_not_end_in_time_says_that_requests_are_under_way(
    triton: TritonBackend, tiny: TinyModels, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = serve(tiny.moody("busy"))
    with ThreadPoolExecutor(1) as client, monkeypatch.context() as hasty:
        answer = client.submit(triton.infer, name, to_measure("sleep!2"))
        time.sleep(0.5)
        hasty.setattr(triton, "_options", triton._options.model_copy(update={"unload_timeout_s": 0.3}))
        with pytest.raises(ServingError, match=r"busy is .*after 0.3 s.*requests .*under way"):
            triton.unload(name)
        assert answer.result().output("length").data == (7.0,)


def test_an_unload_behind_a_slow_load_says_what_is_under_way(
    triton: TritonBackend, tiny: TinyModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    triton.place(tiny.doubling("slow", loads_for_s=3))
    with ThreadPoolExecutor(1) as client, monkeypatch.context() as hasty:
        loaded = client.submit(triton.load, "slow")
        time.sleep(1)
        hasty.setattr(triton, "_options", triton._options.model_copy(update={"unload_timeout_s": 0.3}))
        with pytest.raises(ServingError, match=r"slow is not unloaded after 0.3 s: .*under way"):
            triton.unload("slow")
        wait([loaded])
    triton.unload("slow")
    triton.remove("slow")


def test_several_may_unload_a_model_at_once_behind_a_slow_load(triton: TritonBackend, tiny: TinyModels) -> None:
    triton.place(tiny.doubling("crowded", loads_for_s=1))
    for _ in range(3):
        with ThreadPoolExecutor(5) as clients:
            loaded = clients.submit(triton.load, "crowded")
            time.sleep(0.5)
            list(clients.map(triton.unload, ["crowded"] * 4))
            wait([loaded])
        triton.unload("crowded")
        assert triton.models()["crowded"].state is ServedState.UNAVAILABLE
    triton.remove("crowded")


def test_a_model_that_ends_its_process_while_it_loads_is_refused(
    triton: TritonBackend, tiny: TinyModels, serve: Serve, rude: str
) -> None:
    with pytest.raises(ModelRefusedError):
        serve(rude_one(tiny, rude, "Stillborn"))


def test_a_model_that_never_gets_ready_is_ended(triton: TritonBackend, tiny: TinyModels, serve: Serve) -> None:
    with pytest.raises(ModelRefusedError, match="was not ready after 1 s"):
        serve(with_inference(tiny.doubling("endless", loads_for_s=3600), load_timeout_s=1.0))
    assert (state_once_settled(triton, "endless"), processes_of(triton, "endless")) == (ServedState.UNAVAILABLE, 0)


def test_an_ensemble_is_listed_without_its_parts(triton: TritonBackend, tiny: TinyModels, serve: Serve) -> None:
    serve(tiny.ensemble("chain"))
    assert [name for name in triton.models() if name.startswith("chain")] == ["chain"]


def test_an_ensemble_whose_part_died_is_unavailable(triton: TritonBackend, tiny: TinyModels, serve: Serve) -> None:
    serve(tiny.ensemble("broken-chain"))
    kill_process_of(triton, "broken-chain.2")
    found = triton.models()["broken-chain"]
    assert (found.state, "broken-chain.2" in found.reason) == (ServedState.UNAVAILABLE, True)


def test_an_ensemble_whose_part_died_is_loaded_again(triton: TritonBackend, tiny: TinyModels, serve: Serve) -> None:
    serve(tiny.ensemble("healed-chain"))
    kill_process_of(triton, "healed-chain.1")
    triton.load("healed-chain")
    assert triton.infer("healed-chain", to_double([[1, 2]])).output("z").data == (4.0, 8.0)


def test_unloading_an_ensemble_unloads_its_parts(triton: TritonBackend, tiny: TinyModels, serve: Serve) -> None:
    serve(tiny.ensemble("gone-chain"))
    triton.unload("gone-chain")
    entries = triton._server().index()
    assert {entries[name].state for name in entries if name.startswith("gone-chain")} == {"UNAVAILABLE"}


def test_parts_that_a_kill_left_without_their_ensemble_are_removed(triton: TritonBackend, tiny: TinyModels) -> None:
    triton.place(tiny.ensemble("half-chain"))
    triton._repository().drop("half-chain")
    triton.remove("half-chain")
    assert [name for name in triton._repository().all() if name.startswith("half-chain")] == []


def test_removing_an_ensemble_removes_its_parts(triton: TritonBackend, tiny: TinyModels, serve: Serve) -> None:
    serve(tiny.ensemble("removed-chain"))
    triton.unload("removed-chain")
    triton.remove("removed-chain")
    assert triton.local is not None
    assert list(triton.local.models.glob("removed-chain*")) == []


def test_what_is_loaded_is_not_removed(triton: TritonBackend, tiny: TinyModels, serve: Serve) -> None:
    name = serve(tiny.doubling("standing"))
    with pytest.raises(ServingError, match="unload it before"):
        triton.remove(name)


def test_parameters_of_a_request_reach_the_server_by_grpc(
    triton: TritonBackend, tiny: TinyModels, serve: Serve
) -> None:
    name = serve(with_inference(tiny.doubling("classes"), queue=Queue(priority_levels=2)))
    request = InferenceRequest(inputs=to_double([[1, 2]]).inputs, parameters={"priority": 1, "mine": "x"})
    assert triton.infer(name, request, protocol=Protocol.GRPC).output("y").data == (2.0, 4.0)


def test_a_large_tensor_goes_by_grpc(triton: TritonBackend, tiny: TinyModels, serve: Serve) -> None:
    name = serve(tiny.moody("long"))
    text = Tensor(name="text", datatype=DataType.BYTES, shape=(1, 1), data=("x" * 9_000_000,))
    answer = triton.infer(name, InferenceRequest(inputs=(text,)), protocol=Protocol.GRPC)
    assert answer.output("length").data == (9_000_000.0,)


@pytest.fixture
def elsewhere(triton: TritonBackend, tmp_path: Path) -> Iterator[TritonBackend]:
    """The same server by its addresses."""
    address = triton.address("any")
    assert triton.local is not None
    metrics = f"http://127.0.0.1:{triton.local.ports()[2]}/metrics"
    [(key, secret)] = triton.local.control_metadata()
    options = TritonOptions(
        url=address.rest, grpc_url=address.grpc, metrics_url=metrics, repository=str(triton.local.models),
        control_key=key, control_secret=Secret.of(secret),
    )  # fmt: skip
    backend = TritonBackend(tmp_path / "elsewhere", options)
    yield backend
    backend.close()


def test_a_server_elsewhere_serves_what_is_placed_in_its_repository(
    elsewhere: TritonBackend, tiny: TinyModels, serve: Serve
) -> None:
    placement = tiny.doubling("far")
    elsewhere.start()
    elsewhere.place(placement)
    name = serve(placement)
    assert elsewhere.infer(name, to_double([[1, 2]])).output("y").data == (2.0, 4.0)


def test_a_server_elsewhere_is_not_stopped(elsewhere: TritonBackend, triton: TritonBackend) -> None:
    elsewhere.stop()
    assert triton.capabilities().version.startswith("2.")


def test_a_name_that_the_server_has_from_elsewhere_is_refused(
    elsewhere: TritonBackend, triton: TritonBackend, tiny: TinyModels, serve: Serve, tmp_path: Path
) -> None:
    name = serve(tiny.doubling("theirs"))
    options = elsewhere._options.model_copy(update={"repository": str(tmp_path / "other")})
    with pytest.raises(ModelRefusedError, match=f"{name!r} of somebody else"):
        TritonBackend(tmp_path / "x", options).place(tiny.doubling(name))


def test_a_server_elsewhere_can_be_looked_at_without_its_repository(
    elsewhere: TritonBackend, tiny: TinyModels, serve: Serve, tmp_path: Path
) -> None:
    name = serve(tiny.doubling("seen"))
    backend = TritonBackend(tmp_path / "x", elsewhere._options.model_copy(update={"repository": ""}))
    state = backend.models()[name].state
    backend.close()
    assert state is ServedState.READY


def test_a_server_elsewhere_without_a_repository_takes_no_models(
    elsewhere: TritonBackend, tiny: TinyModels, tmp_path: Path
) -> None:
    backend = TritonBackend(tmp_path / "x", elsewhere._options.model_copy(update={"repository": ""}))
    with pytest.raises(ServingError, match="give repository: FOLDER"):
        backend.place(tiny.doubling("m"))


def test_a_server_elsewhere_that_does_not_answer_is_not_started(tmp_path: Path) -> None:
    options = TritonOptions(url="http://127.0.0.1:9", grpc_url="127.0.0.1:9")
    with pytest.raises(ServingError, match="not ours to start"):
        TritonBackend(tmp_path, options).start()


def test_the_numbers_of_a_predictor_are_among_the_metrics(
    triton: TritonBackend, tiny: TinyModels, serve: Serve, rude: str
) -> None:
    name = serve(rude_one(tiny, rude, "Counting"))
    for rows in (3, 2):
        triton.infer(name, to_double([[1.0, 2.0]] * rows))
    told = [line for line in triton.metrics().splitlines() if line.startswith("cm_") and f'model="{name}"' in line]
    assert sorted(line.split("{")[0] + line.split("}")[1] for line in told) == [
        "cm_doubled_rows_total 5", "cm_last_rows 2",
    ]  # fmt: skip


def test_numbers_that_cannot_be_had_lose_no_answer(
    triton: TritonBackend, tiny: TinyModels, serve: Serve, rude: str
) -> None:
    name = serve(rude_one(tiny, rude, "Miscounting"))
    assert triton.infer(name, to_double([[1.0, 2.0]])).output("y").data == (2.0, 4.0)
