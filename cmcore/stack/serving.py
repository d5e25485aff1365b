"""Serving in a project: its backends, its controller, and what they show. What is wanted is `endpoints`'s affair."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import JsonValue, ValidationError

from cmcore.errors import CmError, ConfigError, LineageError, PluginError, ServingError
from cmcore.serving.backend import Address, ServedState, ServingBackend, Traffic
from cmcore.serving.controller import Controller
from cmcore.serving.decision import Wait
from cmcore.serving.publisher import Publisher
from cmcore.serving.states import DeploymentState
from cmcore.serving.status import status_document
from cmcore.serving.values import Deployment
from cmcore.stack.endpoints import follow
from cmcore.state.holder import Holder
from cmcore.state.keeper import LeaseKeeper
from cmcore.state.lease import Leases

if TYPE_CHECKING:
    from cmcore.stack.project import Project

PAUSE_S, LONGEST_PAUSE_S = 0.05, 1.0
CONTROLLER_TTL_S = 30.0

Told = Callable[[str, object], None]
"""Told of each step: the endpoint's name, and the step or the error that came instead; the lineage's has no name."""


def opened_backend(project: Project, name: str) -> ServingBackend:
    """A serving backend of the project by its provider's name; raises PluginError, ConfigError."""
    chosen = {it.name: it.options for it in project.settings.values.stack.serving}
    provider = project.plugins.provider("serving", name)
    options, model = chosen.get(name, {}), project.plugins.options_model(provider)
    if model is not None:
        try:
            model.model_validate(options)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, ("stack.serving", name, *first["loc"])))
            raise ConfigError(f"option {where}: {first['msg'].lower()}") from error
    made = project.plugins.load(provider)
    backend: ServingBackend = made(project.home / "serving" / name, **options)  # type: ignore[operator] # the kind's contract
    return backend


@contextmanager
def controlling(project: Project) -> Iterator[Controller]:
    """The right to act on this project's endpoints; raises LeaseHeldError naming who has it.

    A lost lease ends the controller at its next step: nothing more is written.
    """
    leases = Leases(project.database)
    lease = leases.acquire(lease_name(project), Holder.this(project.actor), ttl_s=CONTROLLER_TTL_S)
    keeper = LeaseKeeper(leases, lease, lost=lambda _: None, ttl_s=CONTROLLER_TTL_S)
    try:
        yield Controller(project.endpoints, lease, project.backend, follow=lambda state: follow(project, state))
    finally:
        keeper.close()


def lease_name(project: Project) -> str:
    """The lease of the controller of a project."""
    return f"controller/{project.name}"


def publish(project: Project) -> LineageError | None:
    """Write what happened to endpoints into the lineage; where that fails now, it is written later, and this is why."""
    try:
        Publisher(database=project.database, lineage=project.lineage, project=project.name).publish()
    except LineageError as error:
        return error
    return None


def settle(
    project: Project, controller: Controller, name: str, *, until: Callable[[], bool], told: Told = lambda *_: None
) -> None:
    """Take steps for one endpoint until nothing is left to do, or `until` says so; `told` hears of each step."""
    while not until():
        step = controller.step(name)
        told(name, step)
        if (error := publish(project)) is not None:
            told("", error)
        if step is None:
            return
        if isinstance(step, Wait):
            time.sleep(min(max(step.until - time.time(), PAUSE_S), LONGEST_PAUSE_S))


def serve(project: Project, controller: Controller, *, until: Callable[[], bool], told: Told = lambda *_: None) -> None:
    """Keep all endpoints of the project as they are wanted, until `until` says so. A server that nothing is left on is
    stopped. An endpoint whose backend cannot be used here is passed over, and `told` hears the error instead."""
    used = project.endpoints.backends()  # also those whose last controller died before it could stop them
    while not until():
        idle = True
        for name in project.endpoints.names():
            try:
                step: object = controller.step(name)
            except (PluginError, ConfigError) as error:
                step = error  # this endpoint's affair; the others are kept
            told(name, step)
            idle = idle and (step is None or isinstance(step, Wait | CmError))
        if (behind := publish(project)) is not None:
            told("", behind)
        used = stop_unused(project, used)
        if idle:
            time.sleep(PAUSE_S * 4)


def stop_unused(project: Project, used: set[str]) -> set[str]:
    """Stop the local servers that serve nothing any more, not even what others loaded; the backends in use now, and
    those to try again."""
    states = [project.endpoints.state(name) for name in project.endpoints.names()]
    now = {each.backend for state in states for each in state.deployments}
    remaining = set[str]()
    for name in used - now:
        try:
            backend = project.backend(name)
            if not any(model.state is not ServedState.UNAVAILABLE for model in backend.models().values()):
                backend.stop()
        except (PluginError, ConfigError):  # it cannot be used here any more
            continue
        except ServingError:
            remaining.add(name)
    return now | remaining


def status(project: Project, name: str) -> dict[str, JsonValue]:
    """How an endpoint is, as JSON, with the addresses that clients ask; what a server does not tell now is null."""
    state = project.endpoints.state(name)
    deployments = project.endpoints.deployments(name)
    addresses: dict[str, Address] = {}
    traffic: dict[str, Traffic] = {}
    away: dict[str, str] = {}
    for backend in dict.fromkeys(each.backend for each in state.deployments):
        own = [it for it in state.deployments if it.backend == backend]
        try:
            opened = project.backend(backend)
            addresses |= {it.name: opened.address(it.name) for it in own}
            away |= missing(own, opened)
            traffic |= dict(opened.traffic()) if state.revision.document.monitoring.metrics else {}
        except CmError as error:
            away |= {it.name: str(error) for it in own}
    offered = state.revision.document.protocols
    shown = {
        name: replace(it, rest=it.rest if "rest" in offered else "", grpc=it.grpc if "grpc" in offered else "")
        for name, it in addresses.items()
    }
    return status_document(state, deployments, shown, traffic, away)


def missing(deployments: Sequence[Deployment], backend: ServingBackend) -> dict[str, str]:
    """The warm deployments, by name, for which their server would not answer now, and why; raises ServingError."""
    found = backend.models()
    warm = [it.name for it in deployments if it.state is DeploymentState.WARM]
    ready = {name for name, model in found.items() if model.state is ServedState.READY}
    return {
        name: f"its server has {name} no more" if name not in found else f"{name}: {found[name].reason or 'not ready'}"
        for name in warm
        if name not in ready
    }
