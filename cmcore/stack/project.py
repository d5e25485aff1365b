"""Project: a folder with its settings, and the backends that they name, each opened at its first use."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue

from cmcore.datasets.tables import DATASETS_BRANCH
from cmcore.document.model import load
from cmcore.document.text import read
from cmcore.errors import ConfigError
from cmcore.hooks.discovery import Plugins
from cmcore.hooks.provider import Provider
from cmcore.lineage.store import LineageStore
from cmcore.lineage.walk import payload_gone
from cmcore.pipelines.catalog import Catalog
from cmcore.pipelines.document import Pipeline
from cmcore.pipelines.graph import Binding, Locate, nowhere, plan_of
from cmcore.pipelines.load import import_from
from cmcore.pipelines.parameters import layered_parameters
from cmcore.pipelines.plan import Plan
from cmcore.pipelines.resolver import Resolver
from cmcore.provenance.signing.tables import PROVENANCE_BRANCH
from cmcore.registry.tables import REGISTRY_BRANCH
from cmcore.retention.tables import RETENTION_BRANCH
from cmcore.runtime import run as runs
from cmcore.runtime.cache import Cache
from cmcore.runtime.effects import Effects
from cmcore.runtime.job import Storage
from cmcore.runtime.launcher import Launcher
from cmcore.runtime.predict import Prediction, predictions
from cmcore.serving.tables import SERVING_BRANCH
from cmcore.settings import ProjectSettings, Settings, settings_of
from cmcore.stack import carrying
from cmcore.stack.carrying import AS_USUAL, RunOptions, running_script
from cmcore.stack.effects import REGISTER_MODEL, Registration
from cmcore.state.database import StateDatabase
from cmcore.state.lease import Leases
from cmcore.state.migration import STATE_BRANCH
from cmcore.state.runs import Runs
from cmcore.storage.store import PayloadStore
from cmcore.storage.verify import VerifyMode
from cmcore.tracking.delivery_tables import COURIERS_BRANCH
from cmcore.tracking.tables import TRACKING_BRANCH

if TYPE_CHECKING:
    from cmcore.datasets.store import Datasets
    from cmcore.lineage.record import ArtifactRecord
    from cmcore.registry.names import Reference
    from cmcore.registry.store import Registry
    from cmcore.registry.values import Alias, Level, Registered
    from cmcore.retention.pins import Pins
    from cmcore.serving.backend import ServingBackend
    from cmcore.serving.store import Endpoints
    from cmcore.tracking.store import Tracking

CONFIG = "cm.yaml"
BRANCHES = (
    STATE_BRANCH, TRACKING_BRANCH, COURIERS_BRANCH, REGISTRY_BRANCH, DATASETS_BRANCH, RETENTION_BRANCH,
    PROVENANCE_BRANCH, SERVING_BRANCH,
)  # fmt: skip


class Project:
    """A folder in which pipelines run: settings, and the backends that they name, each opened at its first use.

    Everything lives under `.cm/` in the folder unless `cm.yaml`, the environment or `sets` say otherwise.
    """

    def __init__(
        self,
        folder: str | Path = ".",
        *,
        environment: Mapping[str, str] | None = None,
        sets: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = Path(folder).absolute()
        self.environment = dict(os.environ if environment is None else environment)
        self.sets = dict(sets or {})
        self._backends: dict[str, ServingBackend] = {}

    @classmethod
    def around(cls, start: Path, *, environment: Mapping[str, str], sets: Mapping[str, str]) -> Project:
        """The project that a folder belongs to: the nearest folder with a `cm.yaml`, from itself upwards, else itself.

        A `.cm` alone does not capture the folders below it: one run in a home directory would.
        """
        start = start.absolute()
        own = next((folder for folder in (start, *start.parents) if (folder / CONFIG).is_file()), start)
        return cls(own, environment=environment, sets=sets)

    @property
    def home(self) -> Path:
        """Where cmcore keeps what belongs to this project."""
        return self.folder / ".cm"

    @cached_property
    def settings(self) -> Settings:
        """The settings with their layers; raises DocumentError, ConfigError."""
        file = self.folder / CONFIG
        document = load(read(file), ProjectSettings) if file.is_file() else ProjectSettings()
        return settings_of(document, self.environment, self.sets)

    @property
    def name(self) -> str:
        """The project's name: the setting, else its folder's name as far as names allow."""
        allowed = "".join(
            letter if letter.isalnum() and letter.isascii() else "-" for letter in self.folder.name.lower()
        )
        return self.settings.values.name or allowed.strip("-") or "project"

    @property
    def actor(self) -> str:
        """Who acts."""
        try:
            return self.settings.values.actor or getpass.getuser()
        except (KeyError, OSError):
            return f"uid-{os.getuid()}"

    @cached_property
    def database(self) -> StateDatabase:
        """The state database, migrated."""
        self._make_home()
        url = self.settings.values.stack.state or f"sqlite:///{self.home / 'state.db'}"
        return StateDatabase.open(url, branches=BRANCHES)

    @cached_property
    def registry(self) -> Registry:
        """Models, versions, aliases, approvals and their log."""
        from cmcore.registry.store import Registry

        return Registry(self.database, actor=self.actor, gone=lambda name: payload_gone(self.lineage, name))

    @cached_property
    def tracking(self) -> Tracking:
        """What runs have tracked, to be searched and compared."""
        from cmcore.tracking.store import Tracking

        return Tracking(self.database)

    @cached_property
    def datasets(self) -> Datasets:
        """Versions of data."""
        from cmcore.datasets.store import Datasets

        root = self.folder / (self.settings.values.stack.data or ".cm/data")
        return Datasets(self.database, root=root, actor=self.actor, lineage=self.lineage, project=self.name)

    @cached_property
    def endpoints(self) -> Endpoints:
        """What should be served, and how far it is."""
        from cmcore.serving.store import Endpoints

        return Endpoints(self.database, project=self.name, actor=self.actor)

    def backend(self, name: str) -> ServingBackend:
        """A serving backend by its provider's name, opened once; raises PluginError, ConfigError."""
        from cmcore.stack.serving import opened_backend

        if name not in self._backends:
            self._backends[name] = opened_backend(self, name)
        return self._backends[name]

    @cached_property
    def pins(self) -> Pins:
        """What must not be collected."""
        from cmcore.retention.pins import Pins

        return Pins(self.database, actor=self.actor)

    @cached_property
    def lineage(self) -> LineageStore:
        """The metadata store; the scheme of its URL names the provider that opens it."""
        self._make_home()
        url = self.settings.values.stack.lineage or f"sqlite:///{self.home / 'metadata.db'}"
        opened = self.plugins.load(self.plugins.provider("lineage", url.partition(":")[0]))
        store: LineageStore = opened(url, self.home / "blobs")  # type: ignore[operator] # the kind's contract
        return store

    @cached_property
    def payloads(self) -> PayloadStore:
        """The artifact store."""
        return PayloadStore(self.storage.root, cache=Path(self.storage.cache), options=dict(self.storage.options))

    @property
    def storage(self) -> Storage:
        """Where payloads lie, in words that other processes understand."""
        artifacts = self.settings.values.stack.artifacts
        root = artifacts.root or str(self.home / "artifacts")
        verify = self.settings.values.run.verify
        return Storage(root=root, cache=str(self.home / "cache"), options=artifacts.options, verify=verify)

    @cached_property
    def catalog(self) -> Catalog:
        """What names in documents mean here."""
        return Catalog(
            components={**self._provided_components(), **self._own_components()},
            resolvers=self._provided_resolvers(),
            artifact_types={it.name: it.factory for it in self.plugins.providers("artifact_type")},
        )

    @cached_property
    def plugins(self) -> Plugins:
        """The installed plugins as far as the settings allow them; broken ones are listed, not raised."""
        settings = self.settings.values.stack.plugins
        return Plugins.discover(
            builtin=["cmcore.builtin"], allow=settings.allow, deny=settings.deny, strict=settings.strict
        )

    @property
    def logs(self) -> Path:
        """Where the logs of attempts lie."""
        return self.home / "logs"

    def roots(self, pipeline_file: Path | None = None) -> list[Path]:
        """Where a pipeline's own modules are imported from: the project's folder, and the file's own."""
        own = [pipeline_file.absolute().parent] if pipeline_file else []
        return list(dict.fromkeys([self.folder, *own]))

    def plan(
        self,
        pipeline: Pipeline,
        parameters: Mapping[str, JsonValue] | None = None,
        *,
        source: Path | None = None,
        locate: Locate = nowhere,
        complete: bool = True,
    ) -> Plan:
        """The checked plan of a pipeline with these parameter values over those of file and environment."""
        binding = Binding(
            project=self.name,
            parameters=layered_parameters(
                pipeline.parameters, self.settings.values.parameters, self.environment, parameters or {}
            ),
            environment=self.environment,
            roots=self.roots(source),
            source=str(source or ""),
            complete=complete,
        )
        import_from(self.roots(source))
        return plan_of(pipeline, self.catalog, binding, locate)

    def run(
        self,
        pipeline: Pipeline,
        parameters: Mapping[str, JsonValue] | None = None,
        *,
        source: Path | None = None,
        options: RunOptions = AS_USUAL,
    ) -> runs.RunResult:
        """Run a pipeline to its end; failed nodes are in the result, not raised: `result.check()` raises.

        `source` is the file that defines the pipeline; left out, it is the running script.
        """
        plan = self.plan(pipeline, parameters, source=source or running_script())
        return self.carry_out(plan, pipeline, options)

    def carry_out(self, plan: Plan, pipeline: Pipeline, options: RunOptions) -> runs.RunResult:
        """Run a plan as a new run."""
        return carrying.carry_out(self, plan, pipeline, options)

    def resume(self, run: str, options: RunOptions = AS_USUAL) -> runs.RunResult:
        """Go on with a run that was killed or that failed."""
        return carrying.resume(self, run, options)

    def register(
        self, model: ArtifactRecord, *, name: str = "", level: Level | None = None, reason: str = ""
    ) -> Registered:
        """Make a recorded model a version, with the evidence that the lineage has of it."""
        from cmcore.stack.governance import candidate_of

        found = candidate_of(self, model)
        return self.registry.register(name or found.name, found.facts, level=level, reason=reason)

    def promote(self, reference: Reference, environment: str, *, over: int | None = None, reason: str = "") -> Alias:
        """Make a version an environment's, if policy and plugins allow: `cmcore.stack.governance.promote`."""
        from cmcore.stack.governance import promote

        return promote(self, reference, environment, over=over, reason=reason)

    @property
    def observer_faults(self) -> Path:
        """Where it is kept what observers got wrong in the last run."""
        return self.home / "observer-faults.json"

    @property
    def ledger(self) -> runs.Ledger:
        """Runs and leases."""
        return runs.Ledger(
            runs=Runs(self.database),
            leases=Leases(self.database),
            actor=self.actor,
            ttl_s=self.settings.values.run.lease_ttl_s,
        )

    def predict(self, plan: Plan) -> list[Prediction]:
        """What a run of a plan would do, in its order; nothing is run or recorded."""
        backends = carrying.backends(self, AS_USUAL)
        try:
            return predictions(plan, backends)
        finally:
            backends.launcher.close()

    @property
    def launcher(self) -> Launcher:
        """A new launcher of the chosen kind."""
        chosen = self.settings.values.stack.launcher
        made = self.plugins.load(self.plugins.provider("launcher", chosen.name))
        launcher: Launcher = made(logs=self.logs, folder=self.folder, **chosen.options)  # type: ignore[operator] # the kind's contract
        return launcher

    @property
    def cache(self) -> Cache:
        """Earlier results."""
        verify = VerifyMode(self.settings.values.run.verify)
        return Cache(
            lineage=self.lineage, payloads=self.payloads, folder=self.folder, verify=verify, effects=self.effects
        )

    @property
    def effects(self) -> Effects:
        """Who carries out what executors ask the driver for."""
        return {REGISTER_MODEL: Registration(self)}

    def close(self) -> None:
        """Give back every backend that was opened; model servers go on."""
        while self._backends:
            self._backends.popitem()[1].close()
        if "lineage" in self.__dict__:
            self.lineage.close()
        if "database" in self.__dict__:
            self.database.close()

    def __enter__(self) -> Project:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _provided_components(self) -> dict[str, str]:
        return {provider.name: provider.spec for provider in self.plugins.providers("component")}

    def _provided_resolvers(self) -> dict[str, Callable[[], Resolver]]:
        def made(provider: Provider) -> Resolver:
            resolver: Resolver = self.plugins.load(provider)()  # type: ignore[operator] # the kind's contract
            return resolver

        return {provider.name: partial(made, provider) for provider in self.plugins.providers("resolver")}

    def _own_components(self) -> dict[str, str]:
        specs = sorted((self.folder / "component_specs").glob("*.yaml"))
        return {spec.stem: str(spec) for spec in specs}

    def _make_home(self) -> None:
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            ignore = self.home / ".gitignore"
            if not ignore.exists():
                ignore.write_text("*\n", encoding="ascii")  # or every run would make the next one's code look dirty
        except OSError as error:
            raise ConfigError(f"cannot make {self.home}: {error.strerror}; choose a folder you can write to") from error
