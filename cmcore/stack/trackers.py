"""The trackers of a project: opened by their providers' names, and served by couriers while a run goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cmcore.errors import ConfigError
from cmcore.settings import TrackerSettings
from cmcore.tracking.couriers import Awaiting, Couriers, Site, TrackerOrder, TrackerTally
from cmcore.tracking.memory import TrackerMemory
from cmcore.tracking.standing import Book, account
from cmcore.tracking.tracker import Memory, Tracker

if TYPE_CHECKING:
    from cmcore.stack.project import Project


def tracker_settings(project: Project, name: str) -> TrackerSettings:
    """What the settings say of a tracker; raises ConfigError where they do not name it."""
    chosen = {it.name: it for it in project.settings.values.stack.trackers}
    if name not in chosen:
        raise ConfigError(f"this project has no tracker {name!r}; stack.trackers names {', '.join(chosen) or 'none'}")
    return chosen[name]


def opened_tracker(project: Project, name: str, memory: Memory) -> Tracker:
    """A tracker of the project; raises ConfigError, PluginError."""
    settings = tracker_settings(project, name)
    made = project.plugins.load(project.plugins.provider("tracker", name))
    tracker: Tracker = made(memory, project.folder, **settings.options)  # type: ignore[operator] # the kind's contract
    return tracker


def link(project: Project, name: str, run: str, node: str = "") -> str:
    """The address of a run's or node's page at a tracker; empty where there is none."""
    memory = TrackerMemory(project.database, account(name, project.name))
    try:
        with closing(opened_tracker(project, name, memory)) as tracker:
            return tracker.link(run, node)
    except Exception:  # noqa: BLE001 # the border to a plugin: a page that cannot be told must not fail what was done
        return ""


def links(project: Project, run: str) -> dict[str, str]:
    """The run's pages at the trackers that have one."""
    found = {it.name: link(project, it.name, run) for it in project.settings.values.stack.trackers}
    return {name: address for name, address in found.items() if address}


def books(project: Project) -> list[Book]:
    """How far each tracker of the project has got."""
    return [
        Book(project.database, it.name, folder=trackers_home(project), project=project.name)
        for it in project.settings.values.stack.trackers
    ]


def couriers(project: Project, chosen: Sequence[str] = (), *, patience_s: float | None = None) -> Couriers:
    """Couriers for the trackers of the project, or for those chosen; nothing is started yet."""
    orders = [
        TrackerOrder(
            name=it.name,
            patience_s=it.patience_s if patience_s is None else patience_s,
            link=partial(link, project, it.name),
        )
        for it in project.settings.values.stack.trackers
        if not chosen or it.name in chosen
    ]
    site = Site(
        folder=project.folder,
        home=trackers_home(project),
        environment=project.environment,
        sets=project.sets,
        project=project.name,
    )
    return Couriers(project.database, orders, site)


@contextmanager
def delivering(
    project: Project,
    run: Callable[[], str],
    told: Callable[[TrackerTally], None],
    awaiting: Awaiting = lambda _: None,
) -> Iterator[None]:
    """While a run goes on, couriers deliver to the project's trackers; at its end they are waited for as the settings
    say, `awaiting` is told for which, and `told` how far each got. `run` names the run by then, for links; empty if
    there is none. Raises PluginError, before anything else, for a tracker that no plugin gives.
    """
    trackers = project.settings.values.stack.trackers
    for each in trackers:
        project.plugins.provider("tracker", each.name)
    if not trackers:
        yield
        return
    sent = couriers(project)
    sent.start()
    try:
        yield
    finally:
        for tally in sent.close(run(), awaiting):
            told(tally)


def trackers_home(project: Project) -> Path:
    """Where couriers keep their logs and faults."""
    return project.home / "trackers"
