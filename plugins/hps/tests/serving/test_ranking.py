"""Ranking networks: the answers are those of an oracle in float64, and what cannot be computed is refused by name."""

import copy
import json

import numpy as np
import pytest

from cmcore.errors import UsageError
from cmcore_hps.config.triton_model import TensorConfig, TritonModel
from cmcore_hps.serving import folder as folders
from cmcore_hps.serving import ranking
from cmcore_hps.serving.predictor import predictor, segments
from cmcore_hps.serving.sparse import sparse_folder
from cmcore_hps.serving.tables import TableStore

from .wdl import NETWORK, PBTXT, Wdl, drawn

CONFIG = TritonModel(
    name="wdl", backend="hugectr", text=PBTXT,
    input=(TensorConfig(name="DES", data_type="TYPE_FP32", dims=(-1,)),
           TensorConfig(name="CATCOLUMN", data_type="TYPE_INT64", dims=(-1,)),
           TensorConfig(name="ROWINDEX", data_type="TYPE_INT32", dims=(-1,))),
    output=(TensorConfig(name="OUTPUT0", data_type="TYPE_FP32", dims=(-1,)),),
)  # fmt: skip


@pytest.fixture
def model(tmp_path, wdl):
    """The model, loaded in this process."""
    trained, root = tmp_path / "trained", tmp_path / "store"
    trained.mkdir()
    wdl.write(trained)
    files = {
        "network.json": json.dumps(NETWORK).encode(),
        "dense.npz": ranking.weights_of(trained / "_dense_2000.model"),
    }
    chosen = folders.Settings(
        defaults=(0.0, 0.0), cached=0.5, cache_bytes=10**6, hit_rate_threshold=1.1, output="OUTPUT0"
    )
    with TableStore(root) as store:
        tables = store.insert([(str(each), sparse_folder(trained / f"{each}_sparse_2000.model")) for each in (0, 1)])
        made = store.switch(
            tables, "", lambda name: folders.write_generation(root, name, files, tables, chosen, CONFIG)
        )
    return predictor(made.folder, {})


@pytest.mark.parametrize("samples", [1, 2, 64])
def test_answers_are_those_of_the_oracle(model, wdl, samples):
    request = drawn(wdl, samples, seed=samples)
    answer = model.predict(request.tensors)["OUTPUT0"]
    assert answer.shape == (1, samples)
    assert answer[0] == pytest.approx(wdl.expected(request.dense, request.wide, request.deep), abs=1e-6)


def test_a_key_that_no_table_has_counts_as_the_default(model, wdl):
    request = drawn(wdl, 1)
    request.deep[0][:] = [123]
    assert model.predict(request.tensors)["OUTPUT0"][0] == pytest.approx(
        wdl.expected(request.dense, request.wide, request.deep), abs=1e-6
    )


def test_no_sample_has_no_answer(model):
    nothing = {
        "DES": np.zeros((1, 0), np.float32), "CATCOLUMN": np.zeros((1, 0), np.int64),
        "ROWINDEX": np.zeros((1, 2), np.int32),
    }  # fmt: skip
    assert model.predict(nothing)["OUTPUT0"].shape == (1, 0)


@pytest.mark.parametrize(
    ("tensor", "change", "told"),
    [
        ("DES", lambda values: values[:, :-1], "ROWINDEX has 14 offsets and DES 25"),
        ("ROWINDEX", lambda values: values[:, :-1], "ROWINDEX has 13 offsets"),
        ("ROWINDEX", lambda values: values + 1, "does not cut"),
        ("ROWINDEX", lambda values: values[:, ::-1], "does not cut"),
        ("CATCOLUMN", lambda values: values[:, :-1], "does not cut"),
        ("CATCOLUMN", lambda values: np.concatenate([values, values], axis=1), "keys more than ROWINDEX"),
    ],
)
def test_tensors_that_do_not_agree_are_refused(model, wdl, tensor, change, told):
    tensors = drawn(wdl, 2, seed=3).tensors
    with pytest.raises(ValueError, match=told):
        model.predict({**tensors, tensor: change(tensors[tensor])})


@pytest.mark.parametrize("combiner", ["sum", "mean"])
def test_empty_slots_are_zeros(combiner):
    pooled = segments(np.array([[1.0], [2.0], [3.0]], np.float32), np.array([0, 0, 2, 2, 3, 3]), combiner)
    assert pooled[:, 0].tolist() == [0, 3 if combiner == "sum" else 1.5, 0, 3, 0]


def network_with(**changes):
    """The network with one layer changed, `fc1` unless `layer` says another."""
    layers = copy.deepcopy(NETWORK["layers"])
    name = changes.pop("layer", "fc1")
    next(layer for layer in layers if layer["name"] == name).update(changes)
    return layers


@pytest.mark.parametrize(
    ("layers", "told"),
    [
        (network_with(type="MultiCross"), r"not supported: fc1 \(MultiCross\)"),
        (network_with(fc_param={"num_output": 17}), r"'fc1' of num_output 17 has weight \[45, 16\]"),
        (network_with(name="fc9"), r"needs the arrays fc9.weight and fc9.bias"),
        (network_with(bottom="nothing"), "'fc1' reads 'nothing'"),
        (network_with(bottom="dense"), "'fc1' takes 45 numbers"),
        (network_with(layer="reshape1", leading_dim=7), "cannot be computed"),
        (network_with(layer="sparse_embedding1", sparse_embedding_hparam={"embedding_vec_size": 4}), r"\[1, 4\]"),
        (network_with(layer="fc2", fc_param={}), "num_output"),
        (NETWORK["layers"][1:], "0 Data layers"),
    ],
)
def test_a_network_that_cannot_be_computed_is_refused_with_its_layer(layers, told):
    with pytest.raises(UsageError, match=told):
        ranking.trial(layers, Wdl(seed=1).weights, [1, 8])


def test_weights_that_are_not_finite_are_refused():
    weights = Wdl(seed=1).weights
    weights["fc1.weight"][3, 3] = np.nan
    with pytest.raises(UsageError, match="'fc1' has weights that are not finite"):
        ranking.trial(NETWORK["layers"], weights, [1, 8])


@pytest.mark.parametrize("content", [b"", b"\0" * 400, b"PK\x03\x04broken"])
def test_a_dense_file_of_another_form_is_refused(tmp_path, content):
    (tmp_path / "dense").write_bytes(content)
    with pytest.raises(UsageError, match=r"is no \.npz"):
        ranking.weights_of(tmp_path / "dense")


def test_a_pickled_array_is_not_opened(tmp_path):
    with (tmp_path / "dense").open("wb") as file:
        np.savez(file, **{"fc1.weight": np.array([object()], object)})
    with pytest.raises(UsageError, match=r"is no \.npz"):
        ranking.weights_of(tmp_path / "dense")


def test_layers_of_a_fragment_are_read(tmp_path):
    (tmp_path / "network.json").write_text('"layers": [ {"name": "data", "type": "Data"}, // more\n')
    assert ranking.layers_of(tmp_path / "network.json") == [{"name": "data", "type": "Data"}]
