"""The serving backend `triton`: cmcore's calls as what is placed in a repository and what a server is told."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import JsonValue

from cmcore.errors import InferenceError, InferenceStatus, ModelRefusedError, ServingError
from cmcore.inference.client import RestClient
from cmcore.inference.request import InferenceRequest, InferenceResponse
from cmcore.serving.backend import (
    Address,
    Capabilities,
    Placement,
    Protocol,
    ServedModel,
    ServedState,
    ServingBackend,
    Traffic,
)  # fmt: skip
from cmcore_triton.control import IDLE, Control, Metadata
from cmcore_triton.grpc_inference import infer as infer_by_grpc
from cmcore_triton.installation import installation
from cmcore_triton.local_server import LocalServer
from cmcore_triton.metrics import with_metrics
from cmcore_triton.model_folder import Runners, model_folders
from cmcore_triton.options import TritonOptions
from cmcore_triton.repository import Placed, Repository
from cmcore_triton.server_process import ServerRecord

EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 # an option may say so
NOT_READ = "failed to poll"  # Triton keeps to itself what is wrong with a configuration
NO_STUB = "is not healthy"  # Triton 2.51 on each request, once the process of a Python model has ended


def triton_backend(folder: Path, **options: JsonValue) -> ServingBackend:
    """The provider's factory."""
    return TritonBackend(folder, TritonOptions.model_validate(options))


class TritonBackend:
    """Triton under explicit model control: a server of the folder's own, or one that somebody else runs.

    Traffic counts from the last load of a model: Triton forgets what an unloaded one had. That the process of a Python
    model has died is seen on this machine's server only; Triton up to 2.51 itself calls such a model ready.
    """

    def __init__(self, folder: Path, options: TritonOptions) -> None:
        self._folder, self._options = folder, options
        self.local = None if options.url else LocalServer(folder, options)
        self._control: Control | None = None
        self._clients: dict[str, RestClient] = {}
        self._lock = threading.Lock()

    def capabilities(self) -> Capabilities:
        """What can be asked for; the version only of a server that answers."""
        version = ""
        with suppress(ServingError):
            version = self._server().version()
        return Capabilities(
            server="triton", version=version, devices=self._devices(), batching=True, queue_policy=True,
            response_cache=self._options.response_cache_mib > 0,
            rate_limit=bool(self._options.rate_limit) or self.local is None,
            instance_groups=True, ensembles=True, server_config=True,
        )  # fmt: skip

    def _devices(self) -> frozenset[str]:
        """The CPU, and each GPU that this machine, or the server elsewhere, has."""
        count = len(list(Path("/dev").glob("nvidia[0-9]*")))
        if self.local is None:
            with suppress(ServingError):
                count = self.metrics().count("\nnv_gpu_memory_total_bytes{")
        return frozenset({"cpu"} | ({"gpu"} if count else set()) | {f"gpu:{number}" for number in range(count)})

    def start(self) -> None:
        """Have the server answer; started anew on the same ports where it has died."""
        if self.local is None:
            if not self._server().ready():
                raise ServingError(f"no Triton answers at {self._options.grpc_url}; it is not ours to start")
            return
        self.local.start(self._answers)
        self._repository().sweep()
        self.local.cut_log()

    def _answers(self, record: ServerRecord) -> bool:
        return self._connected(self._address(record.grpc)).ready() and self._rest().live()

    def place(self, placement: Placement) -> None:
        """Write the model's folder into the repository, an ensemble's parts first."""
        repository = self._repository()
        if self.local is None:
            self._refuse_foreign(placement.name, repository)
        for placed, write in model_folders(placement, self._runners()):
            repository.put(placed, write)

    def _refuse_foreign(self, name: str, repository: Repository) -> None:
        """The server may read other repositories too."""
        if name in self._server().index() and repository.placed(name) is None:
            raise ModelRefusedError(f"the server at {self._options.url} has a model {name!r} of somebody else")

    def _runners(self) -> Runners:
        """What the server can run models with."""
        folder = self._options.backend_directory
        if self.local is not None and self._options.onnxruntime == "auto":
            folder = str(installation(self._options).backends)
        there = bool(folder) and (Path(folder) / "onnxruntime").is_dir()
        return Runners(
            onnx=there if self._options.onnxruntime == "auto" else self._options.onnxruntime == "yes",
            cache=self._options.response_cache_mib > 0,
            link=self.local is not None and os.geteuid() != 0,  # root could write to a sealed payload by a link
        )

    def load(self, name: str) -> None:
        """Load it; one whose process has died is unloaded first, because Triton would call it loaded."""
        placed = self._repository().placed(name)
        if placed is None:
            raise ModelRefusedError(f"{name} has not been placed in {self._repository().folder}; place it first")
        found = self.models().get(name)
        if found is not None and found.state is ServedState.READY:
            return
        control = self._server()
        if any(self._loaded(part) for part in (name, *placed.parts)):
            self.unload(name)
        try:
            control.load(name, placed.load_timeout_s)
        except ModelRefusedError as error:
            self._end_loading((name, *placed.parts))
            if NOT_READ not in str(error):
                raise
            why = self.local.config_fault(name) if self.local is not None else "the server's log says why"
            raise ModelRefusedError(f"Triton does not take the configuration of {name}: {why}") from error
        found = self.models().get(name)
        if found is None or found.state is not ServedState.READY:
            raise ModelRefusedError(f"{name} has been loaded and is not ready: {found.reason if found else 'unknown'}")

    def _end_loading(self, names: Sequence[str]) -> None:
        """Processes of a refused model that still load would do so for ever; no request has reached them."""
        entries = self._server().index()
        for name in names:
            if self.local is not None and name in entries and entries[name].state == "LOADING":
                self.local.end_model(name)

    def _loaded(self, name: str) -> bool:
        found = self._server().index().get(name)
        return found is not None and found.state == "READY"

    def unload(self, name: str) -> None:
        """Unload it with its parts, and wait until the server has let go of it."""
        placed = self._placed()
        found = self._server().index()
        for each in (name, *(placed[name].parts if name in placed else ())):
            if each in found and found[each].state not in IDLE:
                self._let_go(each, placed.get(each))

    def _let_go(self, name: str, placed: Placed | None) -> None:
        """One model; processes that the server does not end, because a fellow of theirs has died, are killed."""
        local = self.local
        own = local is not None and placed is not None and placed.processes > 0
        try:
            self._server().unload(
                name, self._options.unload_timeout_s, ended=lambda: own and not self._running().get(name, 0)
            )
        except ServingError:
            if placed is None or local is None or not 0 < self._running().get(name, 0) < placed.processes:
                raise
            local.end_model(name)
        if local is not None:
            local.await_model_end(name)

    def _running(self) -> Mapping[str, int]:
        return self.local.running_models() if self.local is not None else {}

    def remove(self, name: str) -> None:
        """Take it out of the repository, its parts first: also those that a kill has left without it."""
        repository = self._repository()
        parts = [each.name for each in repository.all().values() if each.part_of == name]
        if repository.placed(name) is None and not parts:
            return
        if self.local is None or self.local.running():
            found = self._server().index().get(name)
            if found is not None and found.state in ("READY", "LOADING"):
                raise ServingError(f"{name} is {found.state.lower()}; unload it before it is removed")
        for each in (*parts, name):
            repository.drop(each)

    def models(self) -> Mapping[str, ServedModel]:
        """What the server's repositories have, loaded or not, without the parts of ensembles."""
        if self.local is not None:
            self.local.cut_log()
        placed = self._placed()
        seen = {name: entry.served() for name, entry in self._server().index().items()}
        running = self._running() if self.local is not None else None
        judged = {name: self._judged(model, placed.get(name), running) for name, model in seen.items()}
        parts = {part for each in placed.values() for part in each.parts}
        return {
            name: with_parts(model, placed.get(name), judged) for name, model in judged.items() if name not in parts
        }

    def _judged(self, model: ServedModel, placed: Placed | None, running: Mapping[str, int] | None) -> ServedModel:
        """The model, unavailable where its processes have died though the server calls it ready."""
        if model.state is not ServedState.READY:
            return model
        if running is not None and placed is not None and running.get(model.name, 0) < placed.processes:
            lost = placed.processes - running.get(model.name, 0)
            why = f"{lost} of its {placed.processes} processes ended; the server's log says more"
            return replace(model, state=ServedState.UNAVAILABLE, reason=why)
        if running is None and not self._server().model_ready(model.name):
            return replace(model, state=ServedState.UNAVAILABLE, reason="the server says that it is not ready")
        return model

    def address(self, name: str) -> Address:
        """Where clients ask for it."""
        if self.local is None:
            return Address(model=name, rest=self._options.url.rstrip("/"), grpc=self._options.grpc_url)
        rest, grpc, _ = self.local.ports()
        host = bracketed(socket.gethostname() if self._options.host in EVERYWHERE else self._options.host)
        return Address(model=name, rest=f"http://{host}:{rest}", grpc=f"{host}:{grpc}")

    def infer(
        self, name: str, request: InferenceRequest, *, protocol: Protocol = Protocol.REST, timeout_s: float = 30.0
    ) -> InferenceResponse:
        """Ask a loaded model; one whose process has died is unavailable."""
        try:
            if protocol is Protocol.GRPC:
                return infer_by_grpc(self._server(), name, request, timeout_s)
            return self._rest().infer(name, request, timeout_s=timeout_s)
        except InferenceError as error:
            if NO_STUB in str(error):
                raise InferenceError(str(error), InferenceStatus.UNAVAILABLE) from error
            raise

    def traffic(self) -> Mapping[str, Traffic]:
        """What each model has had since it was loaded last, without what Triton has forgotten."""
        return with_metrics(self._server().traffic(), self.metrics())

    def metrics(self) -> str:
        """The server's metrics."""
        if self.local is not None:
            return self._client(f"http://{self._address(self.local.ports()[2])}").text("/metrics")
        if not self._options.metrics_url:
            return ""
        parts = urlsplit(self._options.metrics_url)
        return self._client(f"{parts.scheme}://{parts.netloc}").text(parts.path or "/metrics")

    def stop(self) -> None:
        """End the local server; models stay placed, and its address its own."""
        if self.local is not None:
            self.close()
            self.local.stop()

    def close(self) -> None:
        """Give connections back."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()
        if self._control is not None:
            self._control.close()
            self._control = None

    def _repository(self) -> Repository:
        if self.local is not None:
            return Repository(self.local.models)
        if not self._options.repository:
            raise ServingError(
                f"no model repository is known of the server at {self._options.url}: give repository: FOLDER, as this "
                "machine sees it"
            )
        return Repository(Path(self._options.repository))

    def _placed(self) -> Mapping[str, Placed]:
        """What cmcore placed; nothing where the repository is not known, so that any server can be looked at."""
        known = self.local is not None or self._options.repository
        return self._repository().all() if known else {}

    def _address(self, port: int) -> str:
        """Where this process reaches the local server."""
        return f"{bracketed(EVERYWHERE.get(self._options.host, self._options.host))}:{port}"

    def _server(self) -> Control:
        """The connection for control; raises ServingError where a local server has never been started."""
        return self._connected(self._options.grpc_url if self.local is None else self._address(self.local.ports()[1]))

    def _connected(self, address: str) -> Control:
        with self._lock:
            if self._control is None or self._control.address != address:
                if self._control is not None:
                    self._control.close()
                self._control = Control(address, self._control_metadata())
            return self._control

    def _control_metadata(self) -> Metadata:
        """What the server asks for before it is controlled."""
        if self.local is not None:
            return self.local.control_metadata()
        secret = self._options.control_secret
        return ((self._options.control_key, secret.reveal()),) if secret is not None else ()

    def _rest(self) -> RestClient:
        if self.local is None:
            return self._client(self._options.url)
        return self._client(f"http://{self._address(self.local.ports()[0])}")

    def _client(self, url: str) -> RestClient:
        with self._lock:
            if url not in self._clients:
                self._clients[url] = RestClient(url)
            return self._clients[url]


def bracketed(host: str) -> str:
    """A host as it stands before a port."""
    return f"[{host}]" if ":" in host else host


def with_parts(model: ServedModel, placed: Placed | None, judged: Mapping[str, ServedModel]) -> ServedModel:
    """An ensemble, unavailable where a part of it is."""
    for part in placed.parts if placed is not None else ():
        found = judged.get(part)
        if model.state is ServedState.READY and (found is None or found.state is not ServedState.READY):
            why = found.reason or found.state.value if found is not None else "unknown to the server"
            return replace(model, state=ServedState.UNAVAILABLE, reason=f"its part {part}: {why}")
    return model
