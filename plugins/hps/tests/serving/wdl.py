"""A small wide-and-deep model: sparse folders, dense file, network and configurations, and an oracle in float64."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

DENSE, SLOTS, DEEP_WIDTH = 13, 4, 8
WIDE_SLOTS = 2


def write_sparse(folder: Path, keys, vectors) -> Path:
    """A sparse model folder."""
    folder.mkdir(parents=True, exist_ok=True)
    np.asarray(keys, np.int64).tofile(folder / "key")
    np.asarray(vectors, np.float32).tofile(folder / "emb_vector")
    return folder


NETWORK = {
    "layers": [
        {
            "name": "data", "type": "Data", "source": "./file_list.txt", "eval_source": "./file_list_test.txt",
            "check": "Sum", "label": {"top": "label", "label_dim": 1}, "dense": {"top": "dense", "dense_dim": DENSE},
            "sparse": [
                {"top": "wide_data", "slot_num": WIDE_SLOTS, "is_fixed_length": False, "nnz_per_slot": 2},
                {"top": "data1", "slot_num": SLOTS, "is_fixed_length": False, "nnz_per_slot": 1},
            ],
        },
        {
            "name": "sparse_embedding2", "type": "DistributedSlotSparseEmbeddingHash", "bottom": "wide_data",
            "top": "sparse_embedding2",
            "sparse_embedding_hparam": {"embedding_vec_size": 1, "combiner": "sum", "workspace_size_per_gpu_in_mb": 23},
        },
        {
            "name": "sparse_embedding1", "type": "LocalizedSlotSparseEmbeddingHash", "bottom": "data1",
            "top": "sparse_embedding1",
            "sparse_embedding_hparam": {
                "embedding_vec_size": DEEP_WIDTH, "combiner": "mean", "workspace_size_per_gpu_in_mb": 2547,
            },
        },
        {"name": "reshape1", "type": "Reshape", "bottom": "sparse_embedding1", "top": "reshape1",
         "leading_dim": SLOTS * DEEP_WIDTH},
        {"name": "reshape2", "type": "Reshape", "bottom": "sparse_embedding2", "top": "reshape2",
         "leading_dim": WIDE_SLOTS},
        {"name": "reduce_sum1", "type": "ReduceSum", "bottom": "reshape2", "top": "reduce_sum1", "axis": 1},
        {"name": "concat1", "type": "Concat", "bottom": ["reshape1", "dense"], "top": "concat1"},
        {"name": "fc1", "type": "InnerProduct", "bottom": "concat1", "top": "fc1", "fc_param": {"num_output": 16}},
        {"name": "relu1", "type": "ReLU", "bottom": "fc1", "top": "relu1"},
        {"name": "dropout1", "type": "Dropout", "rate": 0.5, "bottom": "relu1", "top": "dropout1"},
        {"name": "fc2", "type": "InnerProduct", "bottom": "dropout1", "top": "fc2", "fc_param": {"num_output": 1}},
        {"name": "add1", "type": "Add", "bottom": ["fc2", "reduce_sum1"], "top": "add1"},
        {"name": "loss", "type": "BinaryCrossEntropyLoss", "bottom": ["add1", "label"], "top": "loss"},
    ]
}  # fmt: skip

PBTXT = """name: "wdl"
backend: "hugectr"
max_batch_size: 64
input [
  { name: "DES" data_type: TYPE_FP32 dims: [ -1 ] },
  { name: "CATCOLUMN" data_type: TYPE_INT64 dims: [ -1 ] },
  { name: "ROWINDEX" data_type: TYPE_INT32 dims: [ -1 ] }
]
output [ { name: "OUTPUT0" data_type: TYPE_FP32 dims: [ -1 ] } ]
instance_group [ { count: 1 kind: KIND_GPU gpus: [ 1 ] } ]
parameters [
  { key: "config" value: { string_value: "/model/wdl/1/wdl_infer.json" } },
  { key: "slots" value: { string_value: "6" } },
  { key: "des_feature_num" value: { string_value: "13" } },
  { key: "cat_feature_num" value: { string_value: "8" } },
  { key: "embedding_vector_size" value: { string_value: "8" } },
  { key: "max_nnz" value: { string_value: "2" } },
  { key: "embeddingkey_long_type" value: { string_value: "true" } }
]
"""


@dataclass(frozen=True, kw_only=True)
class Wdl:
    """One trained state: tables by key and weights by name."""

    seed: int
    rows: int = 500

    @property
    def wide(self) -> dict[int, np.ndarray]:
        return self._table(1, 1)

    @property
    def deep(self) -> dict[int, np.ndarray]:
        return self._table(2, DEEP_WIDTH)

    @property
    def weights(self) -> dict[str, np.ndarray]:
        chance = np.random.default_rng(self.seed)
        inputs = SLOTS * DEEP_WIDTH + DENSE
        shapes = {"fc1.weight": (inputs, 16), "fc1.bias": (16,), "fc2.weight": (16, 1), "fc2.bias": (1,)}
        return {name: chance.normal(0, 0.3, shape).astype(np.float32) for name, shape in shapes.items()}

    def write(self, folder: Path) -> None:
        """The training side's files, as the seed's `ps.json` names them."""
        for name, table in (("0_sparse_2000.model", self.wide), ("1_sparse_2000.model", self.deep)):
            order = np.random.default_rng(self.seed).permutation(len(table))
            keys = np.array(list(table))[order]
            write_sparse(folder / name, keys, np.array(list(table.values()))[order])
        with (folder / "_dense_2000.model").open("wb") as file:
            np.savez(file, **self.weights)
        (folder / "wdl_infer.json").write_text(json.dumps(NETWORK))

    def expected(self, dense: np.ndarray, wide: list[list[int]], deep: list[list[int]]) -> np.ndarray:
        """The answers in float64, sample by sample; `wide` and `deep` have the keys of each slot of each sample."""
        answers, tables = [], (self.wide, self.deep)
        for sample, numbers in enumerate(np.asarray(dense, np.float64)):
            own_wide = wide[sample * WIDE_SLOTS : (sample + 1) * WIDE_SLOTS]
            own_deep = deep[sample * SLOTS : (sample + 1) * SLOTS]
            total = sum(float(tables[0].get(key, np.zeros(1))[0]) for slot in own_wide for key in slot)
            means = [
                np.mean([tables[1].get(key, np.zeros(DEEP_WIDTH)) for key in slot], axis=0, dtype=np.float64)
                if slot
                else np.zeros(DEEP_WIDTH)
                for slot in own_deep
            ]
            weights = {name: value.astype(np.float64) for name, value in self.weights.items()}
            hidden = np.maximum(np.concatenate([*means, numbers]) @ weights["fc1.weight"] + weights["fc1.bias"], 0)
            answers.append(1 / (1 + np.exp(-(hidden @ weights["fc2.weight"] + weights["fc2.bias"] + total)[0])))
        return np.array(answers)

    def _table(self, salt: int, width: int) -> dict[int, np.ndarray]:
        chance = np.random.default_rng(self.seed + salt)
        keys = np.random.default_rng(salt).choice(10**12, self.rows, replace=False) - 5 * 10**11
        return dict(zip(keys.tolist(), chance.normal(0, 0.3, (self.rows, width)).astype(np.float32), strict=True))


@dataclass(frozen=True, kw_only=True)
class Request:
    """Some samples, and the three tensors that carry them."""

    dense: np.ndarray
    wide: list[list[int]]
    deep: list[list[int]]

    @property
    def tensors(self) -> dict[str, np.ndarray]:
        sides = [[len(slot) for slot in side] for side in (self.wide, self.deep)]
        offsets = np.concatenate([np.cumsum([0, *sizes]) for sizes in sides])
        keys = [key for side in (self.wide, self.deep) for slot in side for key in slot]
        return {
            "DES": self.dense.reshape(1, -1).astype(np.float32),
            "CATCOLUMN": np.array(keys, np.int64).reshape(1, -1),
            "ROWINDEX": offsets.reshape(1, -1).astype(np.int32),
        }


def drawn(model: Wdl, samples: int, seed: int = 0) -> Request:
    """Samples with keys of the model's tables: slots have none, one or several."""
    chance = np.random.default_rng(seed)
    wide, deep = list(model.wide), list(model.deep)
    return Request(
        dense=chance.normal(0, 1, (samples, DENSE)),
        wide=[[wide[at] for at in chance.integers(0, len(wide), chance.integers(0, 3))]
              for _ in range(samples * WIDE_SLOTS)],
        deep=[[deep[at] for at in chance.integers(0, len(deep), chance.integers(0, 3))]
              for _ in range(samples * SLOTS)],
    )  # fmt: skip


def parameter_server(**changes: object) -> dict[str, object]:
    """The seed's `ps.json` entry, mended: typed, in its list, the batch size of the other file."""
    entry = {
        "model": "wdl",
        "sparse_files": ["/model/wdl/1/0_sparse_2000.model", "/model/wdl/1/1_sparse_2000.model"],
        "dense_file": "/model/wdl/1/_dense_2000.model",
        "network_file": "/model/wdl/1/wdl_infer.json",
        "num_of_worker_buffer_in_pool": 4,
        "num_of_refresher_buffer_in_pool": 1,
        "cache_refresh_percentage_per_iteration": 0.2,
        "deployed_device_list": [1],
        "max_batch_size": 64,
        "default_value_for_each_table": [0.0, 0.0],
        "hit_rate_threshold": 0.9,
        "gpucacheper": 0.5,
        "gpucache": True,
        **changes,
    }
    return {"supportlonglong": True, "models": [entry]}
