"""Carrying out plans in a project: code kept, plugins asked, observers and trackers fed, facts recorded."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue

from cmcore.components.code.closure import code_digest
from cmcore.components.code.environment import environment
from cmcore.components.code.keep import keep_closure
from cmcore.components.code.reference import CodeRef
from cmcore.components.code.version import code_version
from cmcore.errors import ConfigError
from cmcore.events import Event
from cmcore.hooks.faults import keep
from cmcore.hooks.observers import Delivery, ObserverFault
from cmcore.hooks.specs import RunRequest
from cmcore.pipelines.document import Pipeline
from cmcore.pipelines.load import import_from
from cmcore.pipelines.plan import Plan
from cmcore.provenance.machine import machine
from cmcore.resources import Resources
from cmcore.runtime import run as runs
from cmcore.runtime.driver import Backends, Driver
from cmcore.runtime.inprocess import InProcessLauncher
from cmcore.stack.trackers import couriers, delivering
from cmcore.state.journal import Journal
from cmcore.tracking.couriers import TrackerTally

if TYPE_CHECKING:
    from cmcore.stack.project import Project

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
    tracked: Callable[[TrackerTally], None] = lambda _: None
    awaiting: Callable[[Sequence[str]], None] = lambda _: None


AS_USUAL = RunOptions()


def carry_out(project: Project, plan: Plan, pipeline: Pipeline, options: RunOptions) -> runs.RunResult:
    """Run a plan as a new run."""
    refuse_inside_worker(os.environ)
    keep_code(plan, project.home / "code")
    project.datasets.settle()
    refuse_by_plugin(project, "", plan)
    order = order_of(options, pipeline, facts(project))
    with attended(project, options) as listen:
        order = replace(order, listen=listen)
        return runs.start(plan, backends(project, options), project.ledger, order)


def resume(project: Project, run: str, options: RunOptions) -> runs.RunResult:
    """Go on with a run that was killed or that failed."""
    refuse_inside_worker(os.environ)
    plan = runs.recorded_plan(run, project.ledger)
    import_from([Path(root) for root in plan.roots])
    refuse_by_plugin(project, run, plan)
    order = order_of(options, None, {})
    with attended(project, options) as listen:
        order = replace(order, listen=listen)
        return runs.resume(run, backends(project, options), project.ledger, order, changed_code=options.changed_code)


def refuse_inside_worker(environment: Mapping[str, str]) -> None:
    """Raise ConfigError where a worker would start a run of its own by importing a script."""
    if environment.get("CM_WORKER"):
        raise ConfigError(
            "a run was started while a worker imported this module; put the call under `if __name__ == '__main__':`"
        )


def keep_code(plan: Plan, folder: Path) -> None:
    """Keep the files that a plan's code consists of, so that this run's code can be read again."""
    roots = [Path(root) for root in plan.roots]
    for reference in sorted({reference for node in plan.nodes if node.code for reference in node.code.references}):
        keep_closure(code_digest(CodeRef(reference), roots=roots), folder)


def refuse_by_plugin(project: Project, run: str, plan: Plan) -> None:
    """Raise ConfigError where a plugin says that this run may not be."""
    request = RunRequest(
        run=run,
        pipeline=plan.pipeline,
        project=project.name,
        actor=project.actor,
        parameters={key: layered.value for key, layered in plan.parameters.items()},
        nodes=tuple(node.name for node in plan.nodes),
    )
    if reason := project.plugins.refusal(request):
        raise ConfigError(f"pipeline {plan.pipeline!r} may not run: {reason}")


def order_of(options: RunOptions, pipeline: Pipeline | None, known: Mapping[str, JsonValue]) -> runs.Order:
    """What is asked of a run beside its plan."""
    return runs.Order(
        facts=known,
        chosen=options.chosen,
        components=pipeline.components if pipeline else {},
        listen=options.listen,
        interruptible=options.interruptible,
    )


@contextmanager
def attended(project: Project, options: RunOptions) -> Iterator[runs.Listen]:
    """While a run goes on, its events go to plugins' observers and to trackers. Yields a listener that is to hear them:
    from them it is known by then which run it is."""
    name = ""

    def listen(event: Event) -> None:
        nonlocal name
        name = event.run
        options.listen(event)

    with observed(project, options), delivering(project, lambda: name, options.tracked, options.awaiting):
        yield listen


@contextmanager
def announced(project: Project) -> Iterator[None]:
    """What is changed outside a run is told to plugins' observers, and to trackers, which nobody waits for."""
    try:
        with observed(project, AS_USUAL):
            yield
    finally:
        if project.settings.values.stack.trackers:
            couriers(project).start(follow=False)


@contextmanager
def observed(project: Project, options: RunOptions) -> Iterator[None]:
    """While a run goes on, observers are fed from the journal; what goes wrong with them is told, never raised."""
    observers = project.plugins.observers()
    if not observers:
        yield
        return
    faults: list[ObserverFault] = []

    def report(fault: ObserverFault) -> None:
        faults.append(fault)
        options.observer_fault(fault)

    delivery = Delivery(Journal(project.database), observers, report=report)
    delivery.start()
    try:
        yield
    finally:
        delivery.close(OBSERVER_PATIENCE_S)
        keep(project.observer_faults, faults)


def backends(project: Project, options: RunOptions) -> Backends:
    """What a run stands on."""
    cpus, settings = os.cpu_count() or 1, project.settings.values.run
    here = InProcessLauncher(folder=project.folder, logs=project.logs, debug=options.debug)
    return Backends(
        lineage=project.lineage,
        journal=Journal(project.database),
        cache=project.cache,
        launcher=here if options.in_process else project.launcher,
        in_process=here,
        storage=project.storage,
        scratch=project.home / "scratch",
        capacity=Resources(cpu_cores=float(cpus), memory_mib=total_memory_mib(), gpus=gpu_count()),
        workers=settings.workers or cpus,
        resolvers=project.catalog.resolvers,
        effects=project.effects,
        system_metrics_s=settings.system_metrics_s,
    )


def facts(project: Project) -> dict[str, JsonValue]:
    """What is recorded of a run beside its nodes: code version, environment, the command line."""
    command: list[JsonValue] = [Path(sys.argv[0]).name, *sys.argv[1:]]
    return {
        "code_version": asdict(code_version(project.folder)),
        "environment": environment().document(),
        "argv": command,
        "machine": machine(),
    }


def running_script() -> Path | None:
    """The script that this process runs; None in an interpreter or a notebook."""
    file = getattr(sys.modules["__main__"], "__file__", None)
    return Path(file) if file else None


def gpu_count() -> float:
    """The NVIDIA devices of this machine."""
    return float(len(list(Path("/dev").glob("nvidia[0-9]*"))))


def total_memory_mib() -> int:
    """The memory of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // (1024 * 1024)
