"""The demo notebook's cells, as they were published, against a Triton that runs; only undefined names are defined."""

import json
import socket
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from threading import Event, Thread

import numpy as np
import psutil
import pytest
from tritonclient import http

from cmcore import Project
from cmcore.errors import DocumentError, NotFoundError, ServingError, UsageError
from cmcore.inference.interface import read_model
from cmcore.inference.sample import recorded_rows, request_of
from cmcore.serving import DeploymentConfig, InferenceConfig
from cmcore.serving.backend import Flavor
from cmcore.serving.placing import placement_of
from cmcore_hps.serving import folder as folders
from cmcore_hps.serving.instances import Instance
from cmcore_hps.serving.tables import TableStore
from hps.cm import Service, cm

from .wdl import DENSE, NETWORK, PBTXT, SLOTS, WIDE_SLOTS, Wdl, drawn, parameter_server

HERE = Path(__file__).parent
SEED_PORT = 8000
CELLS = (HERE / "seed_notebook.txt").read_text(encoding="utf-8").split("In [None]:\n")[1:]
REGISTER, DEPLOYMENT, INFERENCE, LOAD, UPDATE, RECYCLE = range(6)
PREAMBLE = """
from cmcore import Project
from hps.cm import cm
workspace, model_name, wdl, service = Project("."), "wdl", "wdl", cm.service("wdl")
"""
OUTPUT = 'output [ { name: "OUTPUT0" data_type: TYPE_FP32 dims: [ -1 ] } ]\n'
GROUP = "instance_group [ { count: 1 kind: KIND_GPU gpus: [ 1 ] } ]\n"

pytestmark = pytest.mark.integration


def free_port(wanted: int = 0) -> int:
    """The wanted port where it is free, else another."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            return free_port()
        return int(probe.getsockname()[1])


class Notebook:
    """A project with the notebook's files, a Triton, and the names that its cells make."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port(SEED_PORT)
        self.names: dict[str, object] = {}
        options = (
            f"{{http_port: {self.port}, grpc_port: {free_port()}, metrics_port: {free_port()}, stop_timeout_s: 1, "
            "open_control: true}"  # its own cell loads by HTTP
        )
        (folder / "cm.yaml").write_text(f"stack:\n  serving:\n    - {{name: triton, options: {options}}}\n")
        (folder / "repo/modelname/modelfile").mkdir(parents=True)
        (folder / "model/wdl/1").mkdir(parents=True)
        self.write_seed()

    def write_seed(self) -> None:
        """The files as the notebook shows them."""
        for name in ("ps.json", "config.pbtxt", "network.json"):
            target = {"config.pbtxt": "config.pbtxtx", "network.json": "wdl_network.json"}.get(name, name)
            (self.folder / target).write_text((HERE / f"seed_{name}.txt").read_text())

    def mend(self) -> None:
        """The least that has to change: one batch size, an output and an instance group; and a whole network."""
        ps, config = self.folder / "ps.json", self.folder / "config.pbtxtx"
        ps.write_text(ps.read_text().replace('"1024"', '"64"'))
        config.write_text(config.read_text() + OUTPUT + GROUP)
        (self.folder / "wdl_network.json").write_text(json.dumps(NETWORK))

    def train(self, model: Wdl) -> None:
        """The training side writes its files."""
        model.write(self.folder / "model/wdl/1")

    def preamble(self) -> None:
        exec(PREAMBLE, self.names)
        with warnings.catch_warnings(record=True):  # it says at its import that it is deprecated
            import_module("tritonhttpclient")

    def run(self, *cells: int) -> None:
        """Cells in their order; the port is another one only where somebody else has the notebook's."""
        for cell in cells:
            exec(CELLS[cell].replace(f"localhost:{SEED_PORT}", f"localhost:{self.port}"), self.names)

    def ask(self, model: Wdl, samples: int = 3, seed: int = 0) -> tuple[list[float], list[float]]:
        """What the server answers and what the oracle does."""
        request = drawn(model, samples, seed)
        with http.InferenceServerClient(f"localhost:{self.port}") as client:
            answer = client.infer("wdl", inputs_of(request.tensors)).as_numpy("OUTPUT0")[0]
        return answer.tolist(), model.expected(request.dense, request.wide, request.deep).tolist()

    def ready(self) -> bool:
        with http.InferenceServerClient(f"localhost:{self.port}") as client:
            return bool(client.is_model_ready("wdl"))

    @property
    def service(self) -> Service:
        return cm.service("wdl")

    def table_rows(self) -> list[int]:
        with TableStore(self.folder / ".cm/hps/wdl") as store:
            return [sum(1 for _ in store.rows(table)) for table in store.current().tables]

    def close(self) -> None:
        Project(self.folder).backend("triton").stop()
        cm.close()


def inputs_of(tensors: dict[str, np.ndarray]) -> list[http.InferInput]:
    kinds = {"float32": "FP32", "int64": "INT64", "int32": "INT32"}
    inputs = [http.InferInput(name, value.shape, kinds[str(value.dtype)]) for name, value in tensors.items()]
    for each, value in zip(inputs, tensors.values(), strict=True):
        each.set_data_from_numpy(value)
    return inputs


@contextmanager
def opened(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    """The notebook's folder as the current one, with what the environment has to say."""
    patch.chdir(folder)
    patch.setenv("CM_HPS_PATHS", f"hdfs://model_repo={folder}/repo,/model={folder}/model")
    notebook = Notebook(folder)
    try:
        notebook.preamble()
        yield notebook
    finally:
        notebook.close()


@pytest.fixture
def notebook(tmp_path, monkeypatch):
    with opened(tmp_path, monkeypatch) as made:
        yield made


def stub_processes(folder: Path) -> list[psutil.Process]:
    """The processes that run the model of this project."""
    return [each for each in psutil.process_iter(["cmdline"]) if is_stub(each, folder)]


def is_stub(process: psutil.Process, folder: Path) -> bool:
    line = process.info["cmdline"] or []
    return "triton_python_backend_stub" in " ".join(line[:1]) and any(str(folder) in part for part in line)


@dataclass(frozen=True, kw_only=True)
class Story:
    """What was seen between the cells; answers with what the oracle says."""

    first: tuple[list[float], list[float]]
    again: tuple[list[float], list[float]]
    loaded: Sequence[Instance]
    loaded_processes: int
    updated: tuple[list[float], list[float]]
    reloaded: tuple[list[float], list[float]]
    ready_then: bool
    left: Sequence[Instance]
    left_processes: int
    left_rows: list[int]
    back: tuple[list[float], list[float]]
    cold: Sequence[Instance]
    versions: list[str]


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """All cells in their order, with the update after the training side has written another model; then once more."""
    before, after = Wdl(seed=1), Wdl(seed=2)
    with pytest.MonkeyPatch.context() as patch, opened(tmp_path_factory.mktemp("notebook"), patch) as notebook:
        notebook.mend()
        notebook.train(before)
        notebook.run(REGISTER, DEPLOYMENT, INFERENCE, LOAD)
        first, again = notebook.ask(before), notebook.ask(before)
        loaded, processes = notebook.service.instances(), len(stub_processes(notebook.folder))
        notebook.train(after)
        notebook.run(UPDATE)
        updated = notebook.ask(after)
        notebook.run(LOAD)
        reloaded = notebook.ask(after)
        notebook.run(RECYCLE)
        ready, left, left_processes = notebook.ready(), notebook.service.instances(), stub_processes(notebook.folder)
        rows = notebook.table_rows()
        notebook.run(REGISTER, DEPLOYMENT, INFERENCE, LOAD)
        cold = notebook.service.instances()
        yield Story(
            first=first, again=again, loaded=loaded, loaded_processes=processes, updated=updated, reloaded=reloaded,
            ready_then=ready, left=left, left_processes=len(left_processes), left_rows=rows,
            back=notebook.ask(after), cold=cold,
            versions=[str(each.reference) for each in cm.project.registry.versions("wdl")],
        )  # fmt: skip


def test_the_cells_serve_the_model(story):
    assert story.first[0] == pytest.approx(story.first[1], abs=1e-6)


def test_asked_again_every_key_is_a_hit(story):
    assert (story.again, [each.hit_rate for each in story.loaded]) == (story.first, [0.5])


def test_the_update_cell_alone_brings_the_new_weights_and_tables(story):
    assert story.updated[0] == pytest.approx(story.updated[1], abs=1e-6)


def test_loading_it_again_changes_nothing(story):
    assert story.reloaded == story.updated


def test_recycling_frees_the_caches_with_their_process(story):
    assert (story.loaded_processes, len(story.loaded)) == (1, 1)
    assert (story.ready_then, story.left_processes, story.left) == (False, 0, [])


def test_recycling_keeps_the_tables(story):
    assert story.left_rows == [500, 500]


def test_loaded_again_it_answers_the_same_from_an_empty_cache(story):
    assert (story.back, [each.rows for each in story.cold]) == (story.updated, [0])


def test_every_generation_is_a_version_of_the_registry(story):
    assert story.versions == ["wdl@1.0.1", "wdl@1.0.0"]


def test_the_seeds_own_files_are_refused_once_both_are_known(notebook):
    notebook.run(REGISTER, DEPLOYMENT)
    with pytest.raises(DocumentError) as refused:
        notebook.run(INFERENCE)
    assert [part in str(refused.value) for part in ("1024", "64", "`output`", "`instance_group`")] == [True] * 4
    assert not notebook.ready()


def test_an_update_under_load_fails_no_request_and_mixes_nothing(notebook, wdl):
    models = [wdl, *(Wdl(seed=seed) for seed in range(2, 6))]
    notebook.mend()
    notebook.train(wdl)
    notebook.run(REGISTER, DEPLOYMENT, INFERENCE, LOAD)
    request = drawn(wdl, 8)  # all models have the same keys
    expected = np.array([each.expected(request.dense, request.wide, request.deep) for each in models])
    inputs, stop = inputs_of(request.tensors), Event()
    answers: list[np.ndarray] = []
    seconds: list[float] = []
    failures: list[Exception] = []

    def load() -> None:
        with http.InferenceServerClient(f"localhost:{notebook.port}") as client:
            while not stop.is_set():
                began = time.perf_counter()
                try:
                    answers.append(client.infer("wdl", inputs).as_numpy("OUTPUT0")[0])
                except Exception as error:
                    failures.append(error)
                seconds.append(time.perf_counter() - began)

    thread = Thread(target=load)
    thread.start()
    time.sleep(0.5)
    for each in models[1:]:
        notebook.train(each)
        notebook.run(UPDATE)
    time.sleep(0.2)
    stop.set()
    thread.join()
    distances = np.abs(np.array(answers)[:, None, :] - expected[None]).max(axis=2)
    print(f"{len(answers)} answers, p50 {np.median(seconds) * 1e3:.2f} ms, slowest {max(seconds) * 1e3:.1f} ms")
    assert failures == []
    assert distances.min(axis=1).max() < 1e-5  # each answer is wholly one model's
    assert sorted(set(distances.argmin(axis=1).tolist())) == list(range(5))


def test_another_interface_is_placed_anew_and_loaded_again(notebook, wdl):
    notebook.mend()
    notebook.train(wdl)
    notebook.run(REGISTER, DEPLOYMENT, INFERENCE, LOAD)
    for name in ("ps.json", "config.pbtxtx"):
        file = notebook.folder / name
        file.write_text(file.read_text().replace('"64"', '"32"').replace("max_batch_size:64", "max_batch_size:32"))
    notebook.run(UPDATE)
    answer, expected = notebook.ask(wdl)
    assert answer == pytest.approx(expected, abs=1e-6)


def test_a_generation_that_cannot_be_loaded_is_told_and_the_one_before_goes_on(notebook, wdl, monkeypatch):
    notebook.mend()
    notebook.train(wdl)
    notebook.run(REGISTER, DEPLOYMENT, INFERENCE, LOAD)
    written = folders.write_generation

    def damaged(*arguments):
        folder = written(*arguments)
        (folder / "dense.npz").write_bytes(b"PK")
        return folder

    monkeypatch.setattr(folders, "write_generation", damaged)
    notebook.train(Wdl(seed=2))
    with pytest.raises(ServingError, match="could not load 2-"):
        notebook.run(UPDATE)
    still = notebook.ask(wdl)
    monkeypatch.setattr(folders, "write_generation", written)
    notebook.run(UPDATE)
    after = notebook.ask(Wdl(seed=2))
    assert (still[0], after[0]) == (pytest.approx(still[1], abs=1e-6), pytest.approx(after[1], abs=1e-6))


def test_a_model_without_a_network_answers_with_vectors(notebook, wdl):
    entry = parameter_server(
        model="lookup", gpucache=True, hit_rate_threshold=1.1, maxnum_catfeature_query_per_table_per_sample=[2, 4],
        embedding_vecsize_per_table=[1, 8], embedding_table_names=["wide", "deep"],
    )  # fmt: skip
    (notebook.folder / "ps.json").write_text(json.dumps(entry))
    (notebook.folder / "config.pbtxt").write_text(
        'name: "lookup" backend: "hps" max_batch_size: 64\n'
        'input [ { name: "KEYS" data_type: TYPE_INT64 dims: [ -1 ] }, '
        '{ name: "NUMKEYS" data_type: TYPE_INT32 dims: [ -1 ] } ]\n' + OUTPUT + GROUP
    )
    notebook.train(wdl)
    cm.initialize()
    model = cm.register(".", model_name="lookup", model_path="hdfs://model_repo/modelname/modelfile")
    model.deploy_configuration("inference", "lookup", config_file="ps.json")
    model.InferenceConfig(modelname="lookup", model_network="", running_config="config.pbtxt")
    cm.backend.load("lookup")
    wide, deep = list(wdl.wide)[:2], list(wdl.deep)[:3]
    tensors = {"KEYS": np.array([[*wide, *deep]], np.int64), "NUMKEYS": np.array([[2, 3]], np.int32)}
    with http.InferenceServerClient(f"localhost:{notebook.port}") as client:
        answer = client.infer("lookup", inputs_of(tensors)).as_numpy("OUTPUT0")[0]
    vectors = [*(wdl.wide[key] for key in wide), *(wdl.deep[key] for key in deep)]
    assert answer.tolist() == np.concatenate(vectors).tolist()


def test_generations_stand_beside_each_other_under_names_of_their_own(notebook, wdl):
    notebook.mend()
    for model in (wdl, Wdl(seed=2)):
        notebook.train(model)
        notebook.run(*((REGISTER, DEPLOYMENT, INFERENCE, LOAD) if model is wdl else (UPDATE,)))
        folder = Path(notebook.names["model"].generation.folder)
        flavor = Flavor(name="hps", factory="cmcore_hps.serving.predictor:predictor")
        name = f"wdl-{model.seed}"
        cm.backend.place(placement_of(name, folder, DeploymentConfig(), InferenceConfig(), [flavor], {"test": name}))
        cm.backend.load(name)
    recorded = request_of(recorded_rows(folder), read_model(folder).interface)
    answers = [cm.backend.infer(name, recorded).output("OUTPUT0").data[0] for name in ("wdl-1", "wdl-2", "wdl")]
    nothing = [np.zeros((1, DENSE)), [[0]] * WIDE_SLOTS, [[0]] * SLOTS]
    expected = [each.expected(*nothing)[0] for each in (wdl, Wdl(seed=2), Wdl(seed=2))]
    assert answers == pytest.approx(expected, abs=1e-6)


def test_a_model_that_is_not_uploaded_yet_is_not_registered(notebook):
    (notebook.folder / "repo/modelname/modelfile").rmdir()
    with pytest.raises(NotFoundError, match="upload it first"):
        notebook.run(REGISTER)


def test_a_server_elsewhere_is_refused(notebook):
    with pytest.raises(UsageError, match=r"no configuration server at cm\.example"):
        cm.initialize(server="cm.example", port=9008)


def test_pbtxt_in_full_is_accepted_too(notebook, wdl):
    notebook.mend()
    (notebook.folder / "config.pbtxtx").write_text(PBTXT)
    notebook.train(wdl)
    notebook.run(REGISTER, DEPLOYMENT, INFERENCE, LOAD)
    answer, expected = notebook.ask(wdl)
    assert answer == pytest.approx(expected, abs=1e-6)
