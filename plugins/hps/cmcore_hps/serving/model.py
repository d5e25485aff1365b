"""HpsModel: a model of the project with its tables, from checked configurations to a backend, and back.

The tables and weights are switched in the store; what runs on the server follows it, so a new generation needs no
reload. Which server that is, and what people call these steps, is not known here.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cmcore.errors import ModelRefusedError, ServingError, UsageError
from cmcore.inference.interface import read_model
from cmcore.inference.sample import EXAMPLE_FILE
from cmcore.serving import DeploymentConfig, InferenceConfig, Placement, ServedState, ServingBackend
from cmcore.serving.backend import Flavor
from cmcore.serving.document import Batching
from cmcore_hps.config import Checked, Dialect, checked, refuse
from cmcore_hps.config.parameter_server import Model
from cmcore_hps.config.triton_model import TritonModel
from cmcore_hps.serving import folder, ranking
from cmcore_hps.serving.instances import Instance, instances
from cmcore_hps.serving.paths import located
from cmcore_hps.serving.sparse import SparseFolder, sparse_folder
from cmcore_hps.serving.tables import Generation, Progress, TableStore, silent

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
FACTORY = "cmcore_hps.serving.predictor:predictor"
CACHE_BYTES = 2**30
SWITCH_TIMEOUT_S = 60.0
POLL_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """The three files of a deployment; a model that is only looked up in has no network."""

    parameter_server: Path
    model_config: Path
    network: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a deployment consists of, all of it checked."""

    entry: Model
    config: TritonModel
    sparse: tuple[SparseFolder, ...]
    files: Mapping[str, bytes]


class HpsModel:
    """One model by its name on the server; everything of it lies in `folder`."""

    def __init__(self, name: str, folder: Path) -> None:
        if not NAME.fullmatch(name):
            raise UsageError(f"{name!r} is no name of a model; letters, digits, dots, dashes and underscores, up to 64")
        self.name, self.folder = name, folder.absolute()

    def deploy(
        self,
        files: Files,
        backend: ServingBackend,
        *,
        prefixes: Mapping[str, Path],
        progress: Progress = silent,
        cache_bytes: int = CACHE_BYTES,
    ) -> tuple[Generation, Checked]:
        """Check the files together, store tables and weights, switch to them, and place the model where it is not.

        Raises DocumentError with every finding, UsageError, and ModelRefusedError where the server would not take it,
        before anything is switched. Loaded instances answer from the new generation when this returns; one that is
        loaded with another interface is taken off meanwhile. Raises ServingError where the server or an instance cannot
        go over to it: the generation before is current again then, unless a later deployment is.
        """
        outcome = checked(files.parameter_server, files.model_config, files.network, model=self.name)
        refuse(outcome)
        parts = self._parts(outcome, files, prefixes)
        settings = settings_of(parts, cache_bytes)
        placement = self._placement(parts.config)
        failed_before = {each.born: each.failed_switches for each in self.instances()}
        with TableStore(self.folder) as store:
            self._probe(backend, placement)
            before = store.current()
            names = parts.entry.tables
            tables = store.insert(list(zip(names, parts.sparse, strict=True)), progress=progress)
            made = store.switch(
                tables,
                folder.digest(parts.files, settings),
                lambda name: folder.write_generation(self.folder, name, parts.files, tables, settings, parts.config),
            )
        try:
            self._place(backend, placement, lambda: self._recall(before, made))
            self._wait_for(made, failed_before)
        except ServingError:  # refusals are some too
            self._recall(before, made)
            raise
        return made, outcome

    def recycle(self, backend: ServingBackend) -> None:
        """Take the model off the server, its caches with it; the tables stay. Nothing where it was not placed."""
        if self._placed.exists():
            backend.unload(self.name)
            backend.remove(self.name)
            self._placed.unlink()

    def instances(self) -> Sequence[Instance]:
        """What is loaded of it now."""
        return instances(self.folder / "counters")

    def _parts(self, outcome: Checked, files: Files, prefixes: Mapping[str, Path]) -> Parts:
        server, config = outcome.parameter_server, outcome.model_config
        entry = server.model(self.name) if server is not None else None
        if entry is None or config is None:
            raise UsageError(f"{files.parameter_server} and {files.model_config} say nothing of a model {self.name!r}")
        sparse = tuple(sparse_folder(located(location, prefixes)) for location in entry.sparse_files)
        for table, width, found in zip(entry.tables, entry.embedding_vecsize_per_table, sparse, strict=False):
            if width != found.width:
                raise UsageError(f"table {table!r} has vectors of {width} numbers by {files.parameter_server}, and of "
                                 f"{found.width} in {found.folder}")  # fmt: skip
        kept = {"ps.json": outcome.export_ps().encode(), "config.pbtxt": outcome.export_pbtxt().encode()}
        kept |= {f"original/{file.name}": file.read_bytes() for file in given(files)}
        if outcome.dialect is Dialect.HUGECTR:
            kept |= self._network(entry, files, sparse, prefixes)
        else:
            row = [[0] * len(sparse), [1] * len(sparse)]  # one key of each table
            kept[EXAMPLE_FILE] = json.dumps({"columns": ["KEYS", "NUMKEYS"], "data": [row]}).encode()
        return Parts(entry=entry, config=config, sparse=sparse, files=kept)

    def _network(
        self, entry: Model, files: Files, sparse: Sequence[SparseFolder], prefixes: Mapping[str, Path]
    ) -> dict[str, bytes]:
        layers = ranking.layers_of(files.network or located(entry.network_file, prefixes))
        dense = located(entry.dense_file, prefixes)
        content = ranking.weights_of(dense)
        network = ranking.trial(layers, ranking.arrays(content, dense), [each.width for each in sparse])
        return {
            folder.NETWORK_FILE: json.dumps({"layers": layers}).encode(),
            folder.DENSE_FILE: content,
            EXAMPLE_FILE: json.dumps(ranking.example(network)).encode(),
        }

    def _probe(self, backend: ServingBackend, placement: Placement) -> None:
        """Raise ModelRefusedError where the server would not take it under a name of its own; nothing else changes."""
        name = f"probe-{hashlib.sha256(str(self.folder).encode()).hexdigest()[:12]}"
        backend.remove(name)  # a kill may have left it
        try:
            backend.place(placement.model_copy(update={"name": name}))
        finally:
            backend.remove(name)

    def _place(self, backend: ServingBackend, placement: Placement, recall: Callable[[], None]) -> None:
        try:
            backend.place(placement)
        except ModelRefusedError:
            if not self._placed.exists():
                raise
            # another interface or batch size: nothing that is loaded can take it over
            self._replace(backend, placement, recall)
        else:
            self._note(placement)

    def _replace(self, backend: ServingBackend, placement: Placement, recall: Callable[[], None]) -> None:
        """Take the model off and put this one in its place; what was there comes back where that fails."""
        former = Placement.model_validate_json(self._placed.read_bytes())
        served = backend.models().get(self.name)
        loaded = served is not None and served.state is ServedState.READY
        try:
            self._put(backend, placement, load=loaded)
        except ServingError:
            recall()  # first, because what is loaded reads the current generation
            with suppress(ServingError):
                self._put(backend, former, load=loaded)
            raise

    def _put(self, backend: ServingBackend, placement: Placement, *, load: bool) -> None:
        self.recycle(backend)
        backend.place(placement)
        self._note(placement)
        if load:
            backend.load(self.name)

    def _note(self, placement: Placement) -> None:
        self._placed.write_text(placement.model_dump_json(indent=2) + "\n", encoding="utf-8")

    def _recall(self, before: Generation | None, made: Generation) -> None:
        if before is not None:
            with TableStore(self.folder) as store:
                store.recall(before, instead_of=made)

    def _placement(self, config: TritonModel) -> Placement:
        placed = folder.write_placed(self.folder, config)
        interface = read_model(placed).interface
        assert interface is not None, "its signature was written just now"
        return Placement(
            name=self.name,
            folder=placed,
            interface=interface,
            flavor=Flavor(name=folder.FLAVOR, factory=FACTORY),
            deployment=DeploymentConfig(instances=instance_count(config)),
            inference=InferenceConfig(batching=Batching(max_batch_size=config.max_batch_size, enabled=False)),
            owner={"hps": str(self.folder)},
        )

    @property
    def _placed(self) -> Path:
        """What this model has on the server; without it, a model of that name there is somebody else's."""
        return self.folder / "placed.json"

    def _wait_for(self, made: Generation, failed_before: Mapping[float, int]) -> None:
        until = time.monotonic() + SWITCH_TIMEOUT_S
        while behind := [each for each in self.instances() if each.follows and each.generation != made.name]:
            why = next((f": {each.trouble}" for each in behind if each.trouble), "")
            if any(each.failed_switches > failed_before.get(each.born, 0) for each in behind):
                raise ServingError(
                    f"{self.name} goes on with {behind[0].generation}: an instance could not load {made.name} from "
                    f"{made.folder}{why}"
                )
            if time.monotonic() > until:
                raise ServingError(
                    f"{self.name} has answered from {behind[0].generation} for {SWITCH_TIMEOUT_S:g} s more{why}"
                )
            time.sleep(POLL_S)


def given(files: Files) -> list[Path]:
    """The files that there are."""
    return [file for file in (files.parameter_server, files.model_config, files.network) if file is not None]


def settings_of(parts: Parts, cache_bytes: int) -> folder.Settings:
    """How the tables are looked up, as the configurations say it."""
    missing = len(parts.sparse) - len(parts.entry.default_value_for_each_table)
    return folder.Settings(
        defaults=(*parts.entry.default_value_for_each_table, *[0.0] * missing)[: len(parts.sparse)],
        cached=parts.entry.gpucacheper if parts.entry.gpucache else 0.0,
        cache_bytes=cache_bytes,
        hit_rate_threshold=parts.entry.hit_rate_threshold,
        output=parts.config.output[0].name,
    )


def instance_count(config: TritonModel) -> int:
    """How many instances all groups have; each has caches of its own."""
    return max(1, sum(max(1, group.count) * max(1, len(group.gpus)) for group in config.instance_group))
