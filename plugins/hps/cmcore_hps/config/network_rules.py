"""What a `network.json` must agree on with `ps.json` and `config.pbtxt`; of a fragment, what is there."""

from __future__ import annotations

from dataclasses import dataclass

from cmcore_hps.config.dialect import Dialect
from cmcore_hps.config.network import DataLayer, EmbeddingLayer
from cmcore_hps.config.network_text import NetworkReading
from cmcore_hps.config.parameter_server import Model
from cmcore_hps.config.pbtxt import ModelReading
from cmcore_hps.config.reading import ServerReading
from cmcore_hps.config.triton_rules import whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One model of `ps.json`, and where it stands."""

    base: str
    model: Model
    server: ServerReading

    def has(self, key: str) -> bool:
        """Whether the file says it."""
        return self.server.knows(self.base, key)


def check_network(
    network: NetworkReading, entry: Entry | None, triton: ModelReading | None, dialect: Dialect
) -> None:  # fmt: skip
    """Every rule of the network with the others."""
    if entry:
        check_tables(network, entry)
        check_sizes(network, entry)
    if triton and dialect is Dialect.HUGECTR:
        check_parameters(network, triton)
    if network.network.data:
        check_data(network, network.network.data, entry, dialect)


def check_tables(network: NetworkReading, entry: Entry) -> None:
    """As many tables as embedding layers, of the same names."""
    layers, tables = network.network.embeddings, len(entry.model.sparse_files)
    found = len(layers)
    wrong = found > tables or (network.network.whole and found < tables)
    if entry.has("sparse_files") and wrong:
        network.add(
            "E5-network-tables",
            "/layers",
            f"the network has {found} embedding layers, and ps.json {tables} sparse_files",
            "write one folder per embedding layer, in their order",
        )
    names = entry.model.embedding_table_names
    tops = tuple(layer.top for layer in layers)
    if names and not wrong and tops != names[: len(tops)]:
        network.add(
            "E5-network-names",
            "/layers",
            f"the embedding layers are {', '.join(tops)}, and embedding_table_names {', '.join(names)}"[:200],
            "write the tops in their order",
        )


def check_sizes(network: NetworkReading, entry: Entry) -> None:
    """Vectors are as long in the network as in `ps.json`, and samples ask for no more keys."""
    sizes = entry.model.embedding_vecsize_per_table
    queries = entry.model.maxnum_catfeature_query_per_table_per_sample
    for at, layer in enumerate(network.network.embeddings):
        if entry.has("embedding_vecsize_per_table") and at < len(sizes) and sizes[at] != layer.vector_size:
            network.add(
                "E5-network-vecsize",
                pointer_of(layer),
                f"{layer.top} has vectors of {layer.vector_size}, and "
                f"embedding_vecsize_per_table[{at}] is {sizes[at]} in ps.json",
                "write the same in both",
            )
        sparse = network.network.sparse(layer.bottom)
        known = entry.has("maxnum_catfeature_query_per_table_per_sample") and at < len(queries)
        if sparse and known and sparse.features > queries[at]:
            network.add(
                "E5-network-queries",
                f"/layers/{layer.index}/bottom",
                f"one sample has up to {sparse.features} keys of "
                f"{layer.top}, and maxnum_catfeature_query_per_table_per_sample[{at}] is {queries[at]} in ps.json",
                f"write {sparse.features} in ps.json",
            )


def pointer_of(layer: EmbeddingLayer) -> str:
    """Where a layer says how long its vectors are."""
    return f"/layers/{layer.index}/sparse_embedding_hparam/embedding_vec_size"


def check_parameters(network: NetworkReading, triton: ModelReading) -> None:
    """The parameters of HugeCTR 3.5 that repeat what the network says."""
    parameters = triton.model.parameters
    data, whole_network = network.network.data, network.network.whole
    said = {name: whole(parameters.get(name, "")) for name in (*REPEATED, "embedding_vector_size", "cat_feature_num")}
    size = said["embedding_vector_size"]
    sizes = {layer.vector_size for layer in network.network.embeddings}
    if size is not None and sizes and size not in sizes:
        triton.add(
            "E5-network-vecsize",
            "parameters[embedding_vector_size]",
            f"embedding_vector_size is {size} in config.pbtxt, and "
            f"the network's vectors have {', '.join(map(str, sorted(sizes)))}",
            "write the network's",
        )
    if data is None:
        return
    ours = {
        "slots": sum(sparse.slot_num for sparse in data.sparse),
        "des_feature_num": data.dense_dim,
        "label_dim": data.label_dim,
    }
    for name, rule in REPEATED.items():
        if said[name] is not None and said[name] != ours[name]:
            triton.add(
                rule,
                f"parameters[{name}]",
                f"{name} is {said[name]} in config.pbtxt, and {ours[name]} in the network",
                f"write {ours[name]}",
            )
    categories, features = said["cat_feature_num"], sum(sparse.features for sparse in data.sparse)
    if categories is not None and 0 < categories < features and whole_network:
        triton.add(
            "E5-network-categories",
            "parameters[cat_feature_num]",
            f"cat_feature_num is {categories} in config.pbtxt, and one "
            f"sample has up to {features} categorical features in the network",
            f"write {features}",
        )


REPEATED = {"slots": "E5-network-slots", "des_feature_num": "E5-network-dense", "label_dim": "E5-network-label"}


def check_data(network: NetworkReading, data: DataLayer, entry: Entry | None, dialect: Dialect) -> None:
    """What a sample is made of, against `ps.json`."""
    if entry is None or dialect is Dialect.HUGECTR:
        return
    most = entry.model.maxnum_des_feature_per_sample
    if entry.has("maxnum_des_feature_per_sample") and data.dense_dim > most:
        network.add(
            "E5-network-dense",
            "/layers/0/dense/dense_dim",
            f"dense_dim is {data.dense_dim}, and maxnum_des_feature_per_sample is {most} in ps.json",
            f"write {data.dense_dim} in ps.json",
        )
    slots = sum(sparse.slot_num for sparse in data.sparse)
    if dialect is Dialect.HPS and entry.has("slot_num") and entry.model.slot_num != slots:
        network.add(
            "E5-network-slots",
            "/layers/0/sparse",
            f"the sparse inputs have {slots} slots, and slot_num is {entry.model.slot_num} in ps.json",
            "write the same in both",
        )
    if dialect is Dialect.HPS and entry.has("label_dim") and entry.model.label_dim != data.label_dim:
        network.add(
            "E5-network-label",
            "/layers/0/label/label_dim",
            f"label_dim is {data.label_dim} in the network, and {entry.model.label_dim} in ps.json",
            "write the same in both",
        )
