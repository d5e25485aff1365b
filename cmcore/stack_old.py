"""The composition root: a project's folder and settings in, wired objects out. The only place that knows everybody."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from pathlib import Path

from pydantic import JsonValue

from cmcore.components.code.closure import code_digest
from cmcore.components.code.environment import environment
from cmcore.components.code.keep import keep_closure
from cmcore.components.code.reference import CodeRef
from cmcore.components.code.version import code_version
from cmcore.document.model import load
from cmcore.document.text import read
from cmcore.errors import ConfigError
from cmcore.hooks.discovery import Plugins
from cmcore.hooks.faults import keep
from cmcore.hooks.observers import Delivery, ObserverFault
from cmcore.hooks.provider import Provider
from cmcore.hooks.specs import RunRequest
from cmcore.lineage.store import LineageStore
from cmcore.pipelines.catalog import Catalog
from cmcore.pipelines.document import Pipeline
from cmcore.pipelines.graph import Binding, Locate, nowhere, plan_of
from cmcore.pipelines.load import import_from
from cmcore.pipelines.parameters import layered_parameters
from cmcore.pipelines.plan import Plan
from cmcore.pipelines.resolver import Resolver
from cmcore.resources import Resources
from cmcore.runtime import run as runs
from cmcore.runtime.cache import Cache
from cmcore.runtime.driver import Backends, Driver
from cmcore.runtime.inprocess import InProcessLauncher
from cmcore.runtime.job import Storage
from cmcore.runtime.launcher import Launcher
from cmcore.runtime.predict import Prediction, predictions
from cmcore.settings import ProjectSettings, Settings, settings_of
from cmcore.state.database import StateDatabase
from cmcore.state.journal import Journal
from cmcore.state.lease import Leases
from cmcore.state.runs import Runs
from cmcore.storage.store import PayloadStore
from cmcore.storage.verify import VerifyMode

CONFIG = "cm.yaml"
OBSERVER_PATIENCE_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """How a run is watched and where its attempts run."""

    listen: runs.Listen = lambda _: None
    chosen: Collection[str] = ()
    in_process: bool = False
    debug: Callable[[BaseException], None] | None = None
    interruptible: Callable[[Driver], AbstractContextManager[object]] = nullcontext
    changed_code: bool = False
    observer_fault: Callable[[ObserverFault], None] = lambda _: None


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
        self._environment = dict(os.environ if environment is None else environment)
        self._sets = dict(sets or {})

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
        return settings_of(document, self._environment, self._sets)

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
        return StateDatabase.open(self.settings.values.stack.state or f"sqlite:///{self.home / 'state.db'}")

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
                pipeline.parameters, self.settings.values.parameters, self._environment, parameters or {}
            ),
            environment=self._environment,
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
        options: RunOptions = RunOptions(),  # frozen
    ) -> runs.RunResult:
        """Run a pipeline to its end; failed nodes are in the result, not raised: `result.check()` raises.

        `source` is the file that defines the pipeline; left out, it is the running script.
        """
        plan = self.plan(pipeline, parameters, source=source or running_script())
        return self.carry_out(plan, pipeline, options)

    def carry_out(self, plan: Plan, pipeline: Pipeline, options: RunOptions) -> runs.RunResult:
        """Run a plan as a new run."""
        refuse_inside_worker(self._environment)
        self._keep_code(plan)
        self._refuse_by_plugin("", plan)
        order = self._order(options, pipeline, self.facts())
        with self._observed(options):
            return runs.start(plan, self.backends(options), self.ledger, order)

    def resume(self, run: str, options: RunOptions = RunOptions()) -> runs.RunResult:  # frozen
        """Go on with a run that was killed or that failed."""
        refuse_inside_worker(self._environment)
        plan = runs.recorded_plan(run, self.ledger)
        import_from([Path(root) for root in plan.roots])
        self._refuse_by_plugin(run, plan)
        order = self._order(options, None, {})
        with self._observed(options):
            return runs.resume(run, self.backends(options), self.ledger, order, changed_code=options.changed_code)

    def _refuse_by_plugin(self, run: str, plan: Plan) -> None:
        request = RunRequest(
            run=run,
            pipeline=plan.pipeline,
            project=self.name,
            actor=self.actor,
            parameters={key: layered.value for key, layered in plan.parameters.items()},
            nodes=tuple(node.name for node in plan.nodes),
        )
        if reason := self.plugins.refusal(request):
            raise ConfigError(f"pipeline {plan.pipeline!r} may not run: {reason}")

    @contextmanager
    def _observed(self, options: RunOptions) -> Iterator[None]:
        """While a run goes on, observers are fed from the journal; what goes wrong with them is told, never raised."""
        observers = self.plugins.observers()
        if not observers:
            yield
            return
        faults: list[ObserverFault] = []

        def report(fault: ObserverFault) -> None:
            faults.append(fault)
            options.observer_fault(fault)

        delivery = Delivery(Journal(self.database), observers, report=report)
        delivery.start()
        try:
            yield
        finally:
            delivery.close(OBSERVER_PATIENCE_S)
            keep(self.observer_faults, faults)

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
        backends = self.backends(RunOptions())
        try:
            return predictions(plan, backends)
        finally:
            backends.launcher.close()

    def backends(self, options: RunOptions) -> Backends:
        """What a run stands on."""
        cpus = os.cpu_count() or 1
        here = InProcessLauncher(folder=self.folder, logs=self.logs, debug=options.debug)
        return Backends(
            lineage=self.lineage,
            journal=Journal(self.database),
            cache=self.cache,
            launcher=here if options.in_process else self._launcher(),
            in_process=here,
            storage=self.storage,
            scratch=self.home / "scratch",
            capacity=Resources(cpu_cores=float(cpus), memory_mib=total_memory_mib(), gpus=gpu_count()),
            workers=self.settings.values.run.workers or cpus,
            resolvers=self.catalog.resolvers,
        )

    def _launcher(self) -> Launcher:
        chosen = self.settings.values.stack.launcher
        made = self.plugins.load(self.plugins.provider("launcher", chosen.name))
        launcher: Launcher = made(logs=self.logs, folder=self.folder, **chosen.options)  # type: ignore[operator] # likewise
        return launcher

    @property
    def cache(self) -> Cache:
        """Earlier results."""
        verify = VerifyMode(self.settings.values.run.verify)
        return Cache(lineage=self.lineage, payloads=self.payloads, folder=self.folder, verify=verify)

    def facts(self) -> dict[str, JsonValue]:
        """What is recorded of a run beside its nodes: code version, environment."""
        return {"code_version": asdict(code_version(self.folder)), "environment": environment().document()}

    def close(self) -> None:
        """Give back every backend that was opened."""
        if "lineage" in self.__dict__:
            self.lineage.close()
        if "database" in self.__dict__:
            self.database.close()

    def __enter__(self) -> Project:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _order(self, options: RunOptions, pipeline: Pipeline | None, facts: Mapping[str, JsonValue]) -> runs.Order:
        return runs.Order(
            facts=facts,
            chosen=options.chosen,
            components=pipeline.components if pipeline else {},
            listen=options.listen,
            interruptible=options.interruptible,
        )

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

    def _keep_code(self, plan: Plan) -> None:
        """Keep the files that a plan's code consists of, so that this run's code can be read again."""
        roots = [Path(root) for root in plan.roots]
        for reference in sorted({reference for node in plan.nodes if node.code for reference in node.code.references}):
            keep_closure(code_digest(CodeRef(reference), roots=roots), self.home / "code")

    def _make_home(self) -> None:
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            ignore = self.home / ".gitignore"
            if not ignore.exists():
                ignore.write_text("*\n", encoding="ascii")  # or every run would make the next one's code look dirty
        except OSError as error:
            raise ConfigError(f"cannot make {self.home}: {error.strerror}; choose a folder you can write to") from error


def running_script() -> Path | None:
    """The script that this process runs; None in an interpreter or a notebook."""
    file = getattr(sys.modules["__main__"], "__file__", None)
    return Path(file) if file else None


def refuse_inside_worker(environment: Mapping[str, str]) -> None:
    """Raise ConfigError where a worker would start a run of its own by importing a script."""
    if environment.get("CM_WORKER") or os.environ.get("CM_WORKER"):
        raise ConfigError(
            "a run was started while a worker imported this module; put the call under `if __name__ == '__main__':`"
        )


def gpu_count() -> float:
    """The NVIDIA devices of this machine."""
    return float(len(list(Path("/dev").glob("nvidia[0-9]*"))))


def total_memory_mib() -> int:
    """The memory of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // (1024 * 1024)
