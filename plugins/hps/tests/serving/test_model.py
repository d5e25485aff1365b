"""A model on a backend: what is refused or fails takes nothing off that answered."""

import json

import pytest

from cmcore.errors import ModelRefusedError, ServingError
from cmcore.serving import ServedState
from cmcore.testing.serving_memory import MemoryServer, MemoryServing
from cmcore_hps.serving import model as models
from cmcore_hps.serving.model import Files, HpsModel
from cmcore_hps.serving.tables import TableStore

from .wdl import NETWORK, PBTXT, Wdl, parameter_server


class Idle:
    """A predictor that opens no store: LMDB lets a process open one only once, and the tests deploy in this one."""

    def __init__(self, *given):
        self.given = given


class Deployment:
    """A project's files, a server in memory, and the model on it."""

    def __init__(self, folder):
        self.folder = folder
        self.server = MemoryServer()
        self.backend = MemoryServing(self.server)
        self.backend.start()
        self.model = HpsModel("wdl", folder / "hps")
        (folder / "model/wdl/1").mkdir(parents=True)

    def deploy(self, *, seed, batch_size=64):
        """The generation of what the training side wrote, under a batch size."""
        Wdl(seed=seed).write(self.folder / "model/wdl/1")
        entry = parameter_server(max_batch_size=batch_size)
        (self.folder / "ps.json").write_text(json.dumps(entry))
        (self.folder / "config.pbtxt").write_text(PBTXT.replace("size: 64", f"size: {batch_size}"))
        (self.folder / "network.json").write_text(json.dumps(NETWORK))
        files = Files(
            parameter_server=self.folder / "ps.json",
            model_config=self.folder / "config.pbtxt",
            network=self.folder / "network.json",
        )
        return self.model.deploy(files, self.backend, prefixes={"/model": self.folder / "model"})[0]

    def current(self):
        with TableStore(self.folder / "hps") as store:
            return store.current()

    def serves(self):
        """The batch size that is loaded, and the names that are placed."""
        return self.server.loaded["wdl"].placement.inference.batching.max_batch_size, set(self.server.placed)


def refusing(call, error, times=10**6, name=""):
    """Fails a call about a model so many times."""
    left = iter([error] * times)

    def fails(asked, about):
        if asked == call and about.startswith(name) and (found := next(left, None)):
            raise found

    return fails


@pytest.fixture
def loaded(tmp_path, monkeypatch):
    """A deployment of seed 1 that is loaded."""
    monkeypatch.setattr(models, "FACTORY", f"{__name__}:Idle")
    deployment = Deployment(tmp_path)
    deployment.deploy(seed=1)
    deployment.backend.load("wdl")
    deployment.server.calls.clear()
    return deployment


@pytest.mark.parametrize("batch_size", [32, 64])
def test_an_update_that_the_server_refuses_touches_nothing(loaded, batch_size):
    before = loaded.current()
    loaded.server.fails = refusing("place", ModelRefusedError("no"))
    with pytest.raises(ModelRefusedError, match="no"):
        loaded.deploy(seed=2, batch_size=batch_size)
    assert (loaded.current(), loaded.serves(), loaded.server.calls) == (before, (64, {"wdl"}), [])


def test_another_batch_size_is_placed_anew_and_loaded(loaded):
    made = loaded.deploy(seed=2, batch_size=32)
    assert (loaded.current(), loaded.serves()) == (made, (32, {"wdl"}))


@pytest.mark.parametrize("call", ["place", "load"])
@pytest.mark.parametrize("error", [ModelRefusedError, ServingError])
def test_what_was_taken_off_comes_back_where_the_update_fails_after_that(loaded, call, error):
    before = loaded.current()

    def fails(asked, about):
        if (asked, about, ("unload", "wdl") in loaded.server.calls) == (call, "wdl", True):
            loaded.server.fails = lambda *_: None
            raise error("no")

    loaded.server.fails = fails
    with pytest.raises(error, match="no"):
        loaded.deploy(seed=2, batch_size=32)
    assert (loaded.current(), loaded.serves()) == (before, (64, {"wdl"}))


def test_tables_are_recalled_where_the_server_does_not_answer(loaded):
    before = loaded.current()
    loaded.server.fails = refusing("place", ServingError("gone"), name="wdl")
    with pytest.raises(ServingError, match="gone"):
        loaded.deploy(seed=2)
    assert (loaded.current(), loaded.serves()) == (before, (64, {"wdl"}))


def test_a_name_that_is_somebody_elses_stays_theirs(tmp_path, loaded):
    other = Deployment(tmp_path / "other")
    other.backend = loaded.backend
    with pytest.raises(ModelRefusedError, match="taken"):
        other.deploy(seed=3, batch_size=32)
    assert loaded.backend.models()["wdl"].state is ServedState.READY


def test_a_probe_that_a_kill_has_left_is_taken_away(loaded):
    names = []
    loaded.server.fails = lambda call, name: names.append(name) if call == "place" else None
    loaded.deploy(seed=2)
    (probe,) = {*names} - {"wdl"}
    loaded.server.placed[probe] = loaded.server.placed["wdl"].model_copy(update={"name": probe, "owner": {"a": "b"}})
    loaded.deploy(seed=3)
    assert loaded.serves() == (64, {"wdl"})
