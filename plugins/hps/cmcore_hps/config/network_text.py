"""A `network.json` as a Network, whole or a fragment; what it has to agree with is not here."""

from __future__ import annotations

from dataclasses import dataclass, field

from cmcore_hps.config.finding import Findings, Place
from cmcore_hps.config.json_text import Node, parsed
from cmcore_hps.config.network import DataLayer, EmbeddingLayer, Network, SparseInput
from cmcore_hps.config.text import Text

EMBEDDINGS = (
    "DistributedSlotSparseEmbeddingHash",
    "LocalizedSlotSparseEmbeddingHash",
    "LocalizedSlotSparseEmbeddingOneHot",
)
COUNT_MAX = 2**31 - 1


@dataclass(slots=True)
class NetworkReading:
    """What was read, and where its layers stand."""

    findings: Findings
    network: Network
    places: dict[str, Place] = field(default_factory=dict)

    def add(self, rule: str, pointer: str, message: str, fix: str) -> None:
        """One more finding, at the nearest place that is known."""
        near = pointer
        while near and near not in self.places:
            near = near.rpartition("/")[0]
        self.findings.add(rule, pointer, message, fix, place=self.places.get(near, (1, 1)))


def read_network(text: Text, findings: Findings) -> NetworkReading | None:
    """The network; None where there are no layers to look at."""
    found = parsed(text, findings, fragment=True)
    if found is None:
        return None
    if not found.whole:
        findings.add(
            "E5-network-fragment",
            "",
            "the file is a part of a network: brackets around it, or at its end, are missing",
            "give the whole file that HugeCTR wrote when it trained the model",
            place=found.node.place,
        )
    layers = member(found.node, "layers")
    if layers is None or not isinstance(layers.value, list) or not layers.value:
        findings.add(
            "E5-network-layers",
            "/layers",
            "the file has no list `layers` with a layer in it",
            "give the network that HugeCTR wrote when it trained the model",
            place=(layers or found.node).place,
        )
        return None
    return _Layers(findings, layers.value).reading(whole=found.whole)


class _Layers:
    """Looks at every layer once, in the order in which HugeCTR does."""

    def __init__(self, findings: Findings, nodes: list[Node]) -> None:
        self._findings, self._nodes = findings, nodes
        self._tops: dict[str, int] = {}
        self._places: dict[str, Place] = {}
        self._embeddings: list[EmbeddingLayer] = []
        self._others = 0

    def reading(self, *, whole: bool) -> NetworkReading:
        """All layers."""
        data = None
        for index, node in enumerate(self._nodes):
            kind = text_of(node, "type")
            self._places[f"/layers/{index}"] = node.place
            if not isinstance(node.value, dict) or not kind:
                self._found(
                    "E5-network-layers", index, "", "the layer is no object with a `type`", "write its type", node
                )
            elif kind == "Data":
                data = self._data(index, node) or data
            else:
                self._layer(index, kind, node)
        if text_of(self._nodes[0], "type") != "Data":
            self._found(
                "E5-network-data",
                0,
                "",
                f"the first layer is of type {text_of(self._nodes[0], 'type')[:40]!r}, not 'Data'",
                "put the layer `Data` first",
                self._nodes[0],
            )
        network = Network(data=data, embeddings=tuple(self._embeddings), layers=len(self._nodes), whole=whole)
        return NetworkReading(self._findings, network, self._places)

    def _data(self, index: int, node: Node) -> DataLayer | None:
        label, dense, sparse = (member(node, part) for part in ("label", "dense", "sparse"))
        if label is None or dense is None or sparse is None or not isinstance(sparse.value, list):
            missing = ", ".join(part for part in ("label", "dense", "sparse") if member(node, part) is None)
            self._found(
                "E5-network-data",
                index,
                "",
                f"the layer `Data` lacks {missing or 'a list of sparse inputs'}",
                "write label, dense, and the list sparse",
                node,
            )
            return None
        self._gives(index, label)
        self._gives(index, dense)
        inputs = [self._sparse(index, at, each) for at, each in enumerate(sparse.value)]
        labels, width = total(label, "label_dim"), count(dense, "dense_dim", least=0)
        if labels is None or width is None:
            self._found(
                "E5-network-data",
                index,
                "",
                "the layer `Data` has no whole numbers `label_dim` and `dense_dim`",
                "write both",
                node,
            )
            return None
        return DataLayer(label_dim=labels, dense_dim=width, sparse=tuple(each for each in inputs if each))

    def _sparse(self, index: int, at: int, node: Node) -> SparseInput | None:
        slots, each, top = count(node, "slot_num"), member(node, "nnz_per_slot"), text_of(node, "top")
        here = f"/sparse/{at}"
        self._gives(index, node)
        if slots is None or each is None or not top:
            self._found(
                "E5-network-sparse",
                index,
                here,
                "the sparse input has no `top`, `slot_num` and `nnz_per_slot`",
                "write all three",
                node,
            )
            return None
        if not isinstance(each.value, list):
            features = number(each)
            if features is not None:
                return SparseInput(top=top, slot_num=slots, features=features * slots)
        else:
            numbers = [found for child in each.value if (found := number(child)) is not None]
            if len(numbers) == len(each.value) == slots:
                return SparseInput(top=top, slot_num=slots, features=sum(numbers))
        self._found(
            "E5-network-sparse",
            index,
            f"{here}/nnz_per_slot",
            f"`nnz_per_slot` is neither a whole number nor a list of {slots}, one per slot",
            "write one of both",
            each,
        )
        return None

    def _layer(self, index: int, kind: str, node: Node) -> None:
        for bottom in texts_of(member(node, "bottom")):
            if bottom not in self._tops:
                self._found(
                    "E5-network-tensor",
                    index,
                    "/bottom",
                    f"the layer reads {bottom[:60]!r}, which no layer before it gives",
                    "write the `top` of a layer before it",
                    node,
                )
        self._gives(index, node)
        if kind not in EMBEDDINGS:
            self._others += 1
            return
        if self._others:
            self._found(
                "E5-network-order",
                index,
                "",
                "the embedding layer stands behind a layer of another type, and is not seen",
                "put embedding layers right behind `Data`",
                node,
            )
        size = count(member(node, "sparse_embedding_hparam"), "embedding_vec_size")
        top, bottom = text_of(node, "top"), text_of(node, "bottom")
        if size is None or not top or not bottom:
            self._found(
                "E5-network-embedding",
                index,
                "",
                "the embedding layer has no `top`, `bottom` and `sparse_embedding_hparam.embedding_vec_size`",
                "write all",
                node,
            )
            return
        name = text_of(node, "name") or top
        self._embeddings.append(
            EmbeddingLayer(index=index, name=name, type=kind, top=top, bottom=bottom, vector_size=size)
        )

    def _gives(self, index: int, node: Node) -> None:
        """Remember what a layer gives."""
        for top in texts_of(member(node, "top")):
            if top in self._tops:
                self._found(
                    "E5-network-tensor",
                    index,
                    "/top",
                    f"layer {self._tops[top]} gives {top[:60]!r} already",
                    "give every tensor a name of its own",
                    node,
                )
            self._tops.setdefault(top, index)

    def _found(self, rule: str, index: int, below: str, message: str, fix: str, node: Node) -> None:
        self._findings.add(rule, f"/layers/{index}{below}", message, fix, place=node.place)


def member(node: Node | None, key: str) -> Node | None:
    """A member of an object."""
    return node.value.get(key) if node is not None and isinstance(node.value, dict) else None


def text_of(node: Node, key: str) -> str:
    """A member that is a text; empty where it is none."""
    found = member(node, key)
    return found.value if found is not None and isinstance(found.value, str) else ""


def texts_of(node: Node | None) -> list[str]:
    """One name, or a list of names."""
    nodes = node.value if node is not None and isinstance(node.value, list) else [node]
    return [each.value for each in nodes if each is not None and isinstance(each.value, str)]


def number(node: Node | None, *, least: int = 1) -> int | None:
    """A whole number; None where it is none that counts something."""
    value = node.value if node is not None else None
    counts = isinstance(value, int) and not isinstance(value, bool) and least <= value <= COUNT_MAX
    return value if counts and isinstance(value, int) else None


def count(node: Node | None, key: str, *, least: int = 1) -> int | None:
    """A member that is a whole number."""
    return number(member(node, key), least=least)


def total(node: Node, key: str) -> int | None:
    """A member that is a whole number, or a list of them to be summed."""
    found = member(node, key)
    nodes = found.value if found is not None and isinstance(found.value, list) else [found]
    numbers = [number(each) for each in nodes]
    return sum(each for each in numbers if each) if numbers and all(numbers) else None
