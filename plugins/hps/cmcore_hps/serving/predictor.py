"""What computes the answers of a model whose embedding tables lie in a table store: lookups, small ranking networks.

One file with NumPy and lmdb only: a server's process imports it without cmcore. It reads the store and never writes it;
what lies in it is written by `tables`. Layers are computed as HugeCTR's documentation describes them.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import os
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import lmdb
import numpy as np

Array = np.ndarray[tuple[int, ...], np.dtype[Any]]
Forward = Callable[[list[Array]], Array]
Builder = Callable[[Mapping[str, Any], Mapping[str, Array]], Forward]

MODEL_FILE = "hps.json"
MAX_TABLES = 1024
ADDRESS_SPACE = 2**40  # of the map, not of the disk: LMDB never needs to grow it
WAYS = 16
KEEPER_INTERVAL_S = 0.1
EXPORTED = {
    "hits": "cm_hps_cache_hits_total", "misses": "cm_hps_cache_misses_total", "rows": "cm_hps_cache_rows",
    "capacity": "cm_hps_cache_capacity_rows", "bytes": "cm_hps_cache_bytes", "defaults": "cm_hps_default_vectors_total",
    "absent": "cm_hps_absent_keys_total", "switches": "cm_hps_generation_switches_total",
    "failed_switches": "cm_hps_failed_switches_total",
}  # fmt: skip
COUNTER_BYTES, TROUBLE_CHARACTERS = 1024, 200  # JSON may double them
SERIAL = itertools.count()


class KeyCache:
    """Vectors by key, at most `rows`: set-associative as HPS's device cache is, the least recently used of a set goes.

    A table that is cached whole may still miss a few keys, where more than `WAYS` of them fall into one set.
    """

    def __init__(self, rows: int, width: int) -> None:
        self._sets = max(1, -(-rows // WAYS))
        self._keys = np.zeros((self._sets, WAYS), np.int64)
        self._used = np.zeros((self._sets, WAYS), np.int64)  # 0: empty
        self._vectors = np.zeros((self._sets * WAYS, width), np.float32)
        self._clock = 1
        self.rows, self.capacity = 0, self._sets * WAYS
        self.size_bytes = self._keys.nbytes + self._used.nbytes + self._vectors.nbytes  # when it is full

    def find(self, keys: Array, out: Array) -> Array:
        """Write the vectors of distinct keys that are here into `out`; which ones are."""
        self._clock += 1
        sets = self._sets_of(keys)
        same = (self._keys[sets] == keys[:, None]) & (self._used[sets] > 0)
        ways = same.argmax(axis=1)
        found: Array = same[np.arange(len(keys)), ways]
        places = (sets * WAYS + ways)[found]
        self._used.reshape(-1)[places] = self._clock
        out[found] = self._vectors[places]
        return found

    def insert(self, keys: Array, vectors: Array) -> None:
        """Hold distinct keys; those that are here already are left as they are."""
        self._clock += 1
        sets = self._sets_of(keys)
        new = ~((self._keys[sets] == keys[:, None]) & (self._used[sets] > 0)).any(axis=1)
        order = np.flatnonzero(new)[np.argsort(sets[new], kind="stable")]
        groups, starts, sizes = np.unique(sets[order], return_index=True, return_counts=True)
        ranks = np.arange(len(order)) - np.repeat(starts, sizes)
        oldest = np.argsort(self._used[groups], axis=1)
        fits = ranks < WAYS
        group = np.repeat(np.arange(len(groups)), sizes)[fits]
        places = groups[group] * WAYS + oldest[group, ranks[fits]]
        self.rows += int((self._used.reshape(-1)[places] == 0).sum())
        self._keys.reshape(-1)[places] = keys[order[fits]]
        self._used.reshape(-1)[places] = self._clock
        self._vectors[places] = vectors[order[fits]]

    def keys(self) -> Array:
        """What is held, in no order."""
        return self._keys[self._used > 0]

    def _sets_of(self, keys: Array) -> Array:
        mixed = keys.view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)  # Fibonacci hashing: spreads runs of ids evenly
        return ((mixed >> np.uint64(32)) % np.uint64(self._sets)).astype(np.int64)


class TableReader:
    """The store of one model, read only; every lookup is one snapshot."""

    def __init__(self, root: Path) -> None:
        self._environment = lmdb.open(
            str(root / "tables"), readonly=True, max_dbs=MAX_TABLES, map_size=ADDRESS_SPACE, max_readers=1024
        )
        self._databases: dict[str, Any] = {}
        self._meta = self.database("meta")

    def current(self) -> str:
        """The generation that the model has now."""
        with self._environment.begin(db=self._meta) as snapshot:
            return (snapshot.get(b"current") or b"").decode()

    def generation(self, name: str) -> dict[str, Any]:
        """What a generation consists of; raises LookupError where the store has it no more."""
        with self._environment.begin(db=self._meta) as snapshot:
            return dict(json.loads(self._record(snapshot, name)))

    def vectors(self, generation: str, database: Any, keys: Array, out: Array) -> Array:
        """Write the vectors of sorted distinct keys (as unsigned numbers) into `out`; which ones the table has."""
        wanted = keys.view("V8").tolist()
        with self._environment.begin(db=database, buffers=False) as snapshot:
            self._record(snapshot, generation)
            found = snapshot.cursor(db=database).getmulti(wanted)
        has = np.zeros(len(keys), bool)
        if found:
            present = np.frombuffer(b"".join(key for key, _ in found), np.uint64)
            has[np.searchsorted(keys.view(np.uint64), present)] = True
            out[has] = np.frombuffer(b"".join(value for _, value in found), np.float32).reshape(len(found), -1)
        return has

    def _record(self, snapshot: Any, name: str) -> bytes:
        record: bytes | None = snapshot.get(b"generation:" + name.encode(), db=self._meta)
        if record is None:  # its tables' places may have been given to another one
            raise LookupError(f"the table store has generation {name!r} no more; place the model again")
        return record

    def database(self, name: str) -> Any:
        """The handle of a place in the store; asked for by one thread at a time, as LMDB wants it."""
        if name not in self._databases:
            self._databases[name] = self._environment.open_db(name.encode(), create=False)
        return self._databases[name]


class Table:
    """One embedding table with its cache: keys to vectors, and what is counted of it."""

    def __init__(self, reader: TableReader, generation: str, document: Mapping[str, Any], settings: Any) -> None:
        self._reader, self._generation, self._database = reader, generation, reader.database(document["slot"])
        self.width, self._default = int(document["width"]), np.float32(document["default"])
        rows = int(document["cache_rows"])
        self.cache = KeyCache(rows, self.width) if rows else None
        self._threshold = float(settings["hit_rate_threshold"])
        self._later: set[int] = set()
        self._lock = threading.Lock()
        self.counts = dict.fromkeys(("hits", "misses", "defaults", "absent"), 0)

    def lookup(self, keys: Array) -> Array:
        """The vectors of any keys [n] as [n, width].

        The hit rate of the distinct keys decides what happens to those that the cache has not: below the threshold
        they are read and inserted before the answer; otherwise the answer has the default, and they are inserted later.
        """
        distinct, back = np.unique(keys.view(np.uint64), return_inverse=True)
        distinct = distinct.view(np.int64)
        out = np.full((len(distinct), self.width), self._default, np.float32)
        if not len(distinct):
            return out
        found = np.zeros(len(distinct), bool)
        if self.cache is not None:
            with self._lock:
                found = self.cache.find(distinct, out)
        missing = distinct[~found]
        self.counts["hits"] += int(found.sum())
        self.counts["misses"] += len(missing)
        if len(missing) and self.cache is not None and found.mean() >= self._threshold:
            self.counts["defaults"] += len(missing)
            self._later.update(missing.tolist()[: self.cache.capacity])
        elif len(missing):
            out[~found] = self.read(missing)
        return np.asarray(out[back.reshape(-1)])

    def read(self, keys: Array) -> Array:
        """The vectors of sorted distinct keys from the store, now in the cache too; the default for absent ones."""
        out = np.full((len(keys), self.width), self._default, np.float32)
        has = self._reader.vectors(self._generation, self._database, keys, out)
        self.counts["absent"] += int(len(keys) - has.sum())
        if self.cache is not None:
            with self._lock:
                self.cache.insert(keys, out)  # absent ones too: asking again costs nothing then
        return out

    def catch_up(self) -> None:
        """Insert what lookups have left for later."""
        if self._later:
            later, self._later = self._later, set()
            self.read(np.array(sorted(later, key=lambda key: key % 2**64), np.int64))

    def warm(self, keys: Array) -> None:
        """Hold these keys, as far as they fit."""
        if self.cache is not None:
            for part in np.array_split(np.sort(keys.view(np.uint64)), max(1, len(keys) // 50_000)):
                self.read(part.view(np.int64))
            self.counts["absent"] = 0


def segments(vectors: Array, offsets: Array, combiner: str) -> Array:
    """One vector per segment [offset, next offset): the sum or mean of its rows, zeros where it has none."""
    sizes = np.diff(offsets)
    out = np.zeros((len(sizes), vectors.shape[1]), np.float32)
    filled = sizes > 0
    if filled.any():
        out[filled] = np.add.reduceat(vectors, offsets[:-1][filled], axis=0)
    return out / np.maximum(sizes, 1)[:, None].astype(np.float32) if combiner == "mean" else out


def names(value: object) -> list[str]:
    """The tensors that `bottom` or `top` names: one, or a list."""
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]


def inner_product(layer: Mapping[str, Any], weights: Mapping[str, Array]) -> Forward:
    """x W + b; FusedInnerProduct adds the ReLU."""
    name, outputs = layer["name"], int(layer["fc_param"]["num_output"])
    weight, bias = (weights.get(f"{name}.{part}") for part in ("weight", "bias"))
    if weight is None or bias is None:
        raise ValueError(f"layer {name!r} needs the arrays {name}.weight and {name}.bias; there are {sorted(weights)}")
    if weight.ndim != 2 or weight.shape[1] != outputs or bias.shape != (outputs,):
        told = f"weight {list(weight.shape)} and bias {list(bias.shape)} instead of [inputs, {outputs}] and [{outputs}]"
        raise ValueError(f"layer {name!r} of num_output {outputs} has {told}")
    if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
        raise ValueError(f"layer {name!r} has weights that are not finite")
    weight, bias = weight.astype(np.float32), bias.astype(np.float32)
    fused = layer["type"] == "FusedInnerProduct"

    def forward(bottoms: list[Array]) -> Array:
        if bottoms[0].shape[-1] != weight.shape[0]:
            raise ValueError(f"layer {name!r} takes {weight.shape[0]} numbers and gets {list(bottoms[0].shape)}")
        product: Array = bottoms[0] @ weight + bias
        return np.maximum(product, 0) if fused else product

    return forward


def reshape(layer: Mapping[str, Any], _: Mapping[str, Array]) -> Forward:
    """To [-1, leading_dim], or the selected slots of [samples, slots, width] side by side."""
    if "leading_dim" in layer:
        leading = int(layer["leading_dim"])
        return lambda bottoms: bottoms[0].reshape(-1, leading)
    if "selected" in layer:
        selected = [int(slot) for slot in layer["selected"]]
        return lambda bottoms: bottoms[0][:, selected].reshape(-1, len(selected) * bottoms[0].shape[2])
    raise ValueError(f"layer {layer['name']!r} is a Reshape without leading_dim or selected")


def sigmoid(values: Array) -> Array:
    """1 / (1 + exp(-x)), without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * values)), np.float32)


LAYERS: Mapping[str, Builder] = {
    "InnerProduct": inner_product,
    "FusedInnerProduct": inner_product,
    "Reshape": reshape,
    "Concat": lambda layer, _: partial(np.concatenate, axis=int(layer.get("axis", 1))),
    "ReduceSum": lambda layer, _: lambda bottoms: bottoms[0].sum(axis=int(layer.get("axis", 1)), keepdims=True),
    "ReLU": lambda *_: lambda bottoms: np.maximum(bottoms[0], 0),
    "Sigmoid": lambda *_: lambda bottoms: sigmoid(bottoms[0]),
    "Dropout": lambda *_: lambda bottoms: bottoms[0],  # does something in training only
    "Add": lambda *_: lambda bottoms: np.asarray(sum(bottoms[1:], bottoms[0])),
    "BinaryCrossEntropyLoss": lambda *_: lambda bottoms: sigmoid(bottoms[0]),  # inference ends before the loss
}
EMBEDDINGS = ("LocalizedSlotSparseEmbeddingHash", "DistributedSlotSparseEmbeddingHash")


class Network:
    """The layers of a HugeCTR network file, compiled; raises ValueError naming every layer that is not supported."""

    def __init__(self, layers: Sequence[Mapping[str, Any]], weights: Mapping[str, Array]) -> None:
        data = [layer for layer in layers if layer.get("type") == "Data"]
        if len(data) != 1:
            raise ValueError(f"the network has {len(data)} Data layers instead of one")
        self._dense, self.numbers = str(data[0]["dense"]["top"]), int(data[0]["dense"]["dense_dim"])
        self._slots = {str(each["top"]): int(each["slot_num"]) for each in data[0]["sparse"]}
        self._embeddings = [layer for layer in layers if layer.get("type") in EMBEDDINGS]
        others = [layer for layer in layers if layer not in data and layer not in self._embeddings]
        if unknown := [f"{layer.get('name')} ({layer.get('type')})" for layer in others if layer["type"] not in LAYERS]:
            raise ValueError(f"layers that are not supported: {', '.join(unknown)}; supported: {', '.join(LAYERS)}")
        self._steps = [(layer, LAYERS[layer["type"]](layer, weights)) for layer in others]

    @property
    def widths(self) -> list[int]:
        """The width of each embedding's vectors, in the order of the tables."""
        return [int(each["sparse_embedding_hparam"]["embedding_vec_size"]) for each in self._embeddings]

    @property
    def slots(self) -> list[int]:
        """How many slots each embedding reads."""
        return [self._slots[names(each["bottom"])[0]] for each in self._embeddings]

    def samples(self, dense: Array, offsets: Array) -> int:
        """How many samples a request has; raises ValueError where its tensors do not agree."""
        per_sample = sum(self.slots)
        count, rest = divmod(len(offsets) - len(self.slots), per_sample)
        if rest or count < 0 or len(dense) != count * self.numbers:
            told = f"n samples have n x {per_sample} + {len(self.slots)} offsets and n x {self.numbers} numbers"
            raise ValueError(f"ROWINDEX has {len(offsets)} offsets and DES {len(dense)} numbers; {told}")
        return count

    def forward(self, dense: Array, keys: Array, offsets: Array, tables: Sequence[Table]) -> Array:
        """The answers of one request, all its tensors flat, sample after sample."""
        count = self.samples(dense, offsets)
        tensors: dict[str, Array] = {self._dense: dense.reshape(count, self.numbers)}
        for layer, slots, table in zip(self._embeddings, self.slots, tables, strict=True):
            own, offsets = offsets[: count * slots + 1].astype(np.int64), offsets[count * slots + 1 :]
            if own[0] != 0 or (np.diff(own) < 0).any() or own[-1] > len(keys):
                raise ValueError(f"ROWINDEX does not cut CATCOLUMN's {len(keys)} keys into rows: {own[:5].tolist()}...")
            own_keys, keys = keys[: own[-1]], keys[own[-1] :]
            combiner = str(layer["sparse_embedding_hparam"].get("combiner", "sum"))
            pooled = segments(table.lookup(own_keys), own, combiner)
            tensors[names(layer["top"])[0]] = pooled.reshape(count, slots, table.width)
        if len(keys):
            raise ValueError(f"CATCOLUMN has {len(keys)} keys more than ROWINDEX speaks of")
        answer = tensors[self._dense]
        for layer, forward in self._steps:
            wanted = names(layer["bottom"])
            if layer["type"] == "BinaryCrossEntropyLoss":
                wanted = wanted[:1]
            if absent := [name for name in wanted if name not in tensors]:
                raise ValueError(f"layer {layer['name']!r} reads {absent[0]!r}, which no layer before it gives")
            answer = forward([tensors[name] for name in wanted])
            tensors.update(dict.fromkeys(names(layer["top"]), answer))
        return answer.reshape(-1)


class LoadedGeneration:
    """One generation of a model, ready to answer: tables with their caches, and the network where it has one."""

    def __init__(self, folder: Path, reader: TableReader) -> None:
        settings = json.loads((folder / MODEL_FILE).read_text(encoding="utf-8"))
        self.name = str(settings["generation"])
        slots = {table["name"]: table["slot"] for table in reader.generation(self.name)["tables"]}
        self.tables = [
            Table(reader, self.name, document | {"slot": slots[document["name"]]}, settings)
            for document in settings["tables"]
        ]
        self._outputs = str(settings["output"])
        self._network = None
        if settings["network"]:
            with np.load(folder / settings["dense"], allow_pickle=False) as weights:
                self._network = Network(json.loads((folder / settings["network"]).read_text())["layers"], dict(weights))
            if self._network.widths != (widths := [table.width for table in self.tables]):
                raise ValueError(f"the network's embeddings have widths {self._network.widths}, the tables {widths}")

    def answer(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """The output for the inputs of whole rows, each of which is a request of its own."""
        compute = self._looked_up if self._network is None else self._ranked
        count = len(next(iter(inputs.values())))
        rows = [compute({name: each[row].reshape(-1) for name, each in inputs.items()}) for row in range(count)]
        if len({len(row) for row in rows}) > 1:
            raise ValueError("rows of one request have answers of different lengths; ask for them one by one")
        return {self._outputs: np.stack(rows) if rows else np.zeros((0, 0), np.float32)}

    def _looked_up(self, row: Mapping[str, Array]) -> Array:
        keys, sizes = row["KEYS"], row["NUMKEYS"].astype(np.int64)
        if len(sizes) != len(self.tables) or (sizes < 0).any() or sizes.sum() != len(keys):
            raise ValueError(f"NUMKEYS is {sizes.tolist()} for {len(keys)} keys and {len(self.tables)} tables")
        parts = np.split(keys, np.cumsum(sizes)[:-1])
        return np.concatenate([table.lookup(part).reshape(-1) for table, part in zip(self.tables, parts, strict=True)])

    def _ranked(self, row: Mapping[str, Array]) -> Array:
        assert self._network is not None
        return self._network.forward(row["DES"], row["CATCOLUMN"].astype(np.int64), row["ROWINDEX"], self.tables)


class CounterFile:
    """Numbers of one instance in a small file that others read while it lives: locked as long as it does."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        for path in folder.glob("[0-9]*"):
            with contextlib.suppress(OSError), path.open("rb") as left:
                fcntl.flock(left, fcntl.LOCK_EX | fcntl.LOCK_NB)  # nobody lives in it
                path.unlink()
        path = folder / f"{os.getpid()}-{next(SERIAL)}"
        unlocked = folder / f".{path.name}"
        self._descriptor = os.open(unlocked, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        self.close = weakref.finalize(self, leave, self._descriptor, path)
        unlocked.rename(path)  # whoever sees it finds it locked

    def write(self, shown: Mapping[str, float | str]) -> None:
        """Show this."""
        os.pwrite(self._descriptor, json.dumps(shown).encode().ljust(COUNTER_BYTES), 0)


def leave(descriptor: int, path: Path) -> None:
    """Take an instance's file away."""
    path.unlink(missing_ok=True)
    os.close(descriptor)


class HpsPredictor:
    """One instance: the generation that its folder names, or, where that says `follow`, the store's current one.

    A new generation is loaded beside the old one, its caches filled with the keys that the old ones hold; then the next
    request gets it. No request sees two.
    """

    def __init__(self, folder: Path) -> None:
        settings = json.loads((folder / MODEL_FILE).read_text(encoding="utf-8"))
        self._root = Path(settings["store"])
        self._follows = bool(settings.get("follow"))
        self._reader = TableReader(self._root)
        self._past = dict.fromkeys(EXPORTED, 0.0) | {"born": time.time(), "follows": float(self._follows)}
        self._refused = self._trouble = ""
        self._loaded = self._load(self._reader.current()) if self._follows else LoadedGeneration(folder, self._reader)
        self._shown = CounterFile(self._root / "counters")
        self._show()
        self._closed = threading.Event()
        threading.Thread(target=keep, args=(weakref.ref(self), self._closed), name="hps-keeper", daemon=True).start()

    def predict(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """See `cmcore.serving.predictor`."""
        loaded = self._loaded
        try:
            return loaded.answer(inputs)
        finally:
            self._show()

    def metrics(self) -> Mapping[str, float]:
        """Numbers since it was loaded, by their Prometheus names; those that end in `_total` only grow."""
        return {EXPORTED[name]: number for name, number in self._numbers().items() if name in EXPORTED}

    def close(self) -> None:
        """Give the caches back."""
        self._closed.set()
        self._shown.close()

    def tend(self) -> None:
        """What is done beside the answers: late insertions, and a new generation where there is one."""
        current = self._reader.current() if self._follows else self._loaded.name
        if current not in (self._loaded.name, self._refused):
            self._switch(current)
        for table in self._loaded.tables:
            table.catch_up()
        self._show()

    def _switch(self, name: str) -> None:
        try:
            fresh = self._load(name)
            for table, before in zip(fresh.tables, self._loaded.tables, strict=False):
                if before.cache is not None:
                    table.warm(before.cache.keys())
        except Exception as error:  # noqa: BLE001 # whatever is wrong with it, what answers now goes on
            self._refused = name
            self._past["failed_switches"] += 1
            self.tell(error)
            return
        for count in ("hits", "misses", "defaults", "absent"):
            self._past[count] += sum(table.counts[count] for table in self._loaded.tables)
        self._past["switches"] += 1
        self._loaded, self._trouble = fresh, ""

    def _load(self, name: str) -> LoadedGeneration:
        return LoadedGeneration(Path(self._reader.generation(name)["folder"]), self._reader)

    def _numbers(self) -> dict[str, float]:
        numbers = dict(self._past)
        for table in self._loaded.tables:
            held = table.cache
            kept = {"rows": held.rows, "capacity": held.capacity, "bytes": held.size_bytes} if held else {}
            for count, value in (table.counts | kept).items():
                numbers[count] += value
        return numbers

    def tell(self, error: Exception) -> None:
        """Show what went wrong beside the answers."""
        self._trouble = ascii(f"{type(error).__name__}: {error}")[1:-1][:TROUBLE_CHARACTERS]
        self._show()

    def _show(self) -> None:
        self._shown.write({**self._numbers(), "generation": self._loaded.name, "trouble": self._trouble})


def keep(predictor: weakref.ref[HpsPredictor], closed: threading.Event) -> None:
    """Tend a predictor until it is closed or gone."""
    while not closed.wait(KEEPER_INTERVAL_S):
        alive = predictor()
        if alive is None:
            return
        try:
            alive.tend()
        except Exception as error:  # noqa: BLE001 # tried again: without this thread no generation would come any more
            with contextlib.suppress(OSError):
                alive.tell(error)
        del alive


def predictor(folder: str | Path, settings: Mapping[str, object]) -> HpsPredictor:  # noqa: ARG001 # the kind's contract
    """The factory of flavor `hps`."""
    return HpsPredictor(Path(folder))
