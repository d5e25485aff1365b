"""`cm serve`: the controller in the foreground. Which step comes next is serving's; here it is shown, and ended."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

import click

from cmcore.cli.invocation import Invocation

if TYPE_CHECKING:
    from cmcore.cli.view.endpoint_lines import EndpointView
    from cmcore.serving.controller import Controller
    from cmcore.stack import Project

FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 15.0
PAUSE_S = 0.1
SIGNALS = (signal.SIGINT, signal.SIGTERM)


@click.command()
@click.option("--once", is_flag=True, help="Take all steps, and end when everything is as it is wanted.")
@click.option(
    "--timeout", "timeout_s", default=300.0, show_default=True, type=click.FloatRange(0), metavar="SECONDS",
    help="With --once: how long to wait for servers.",
)  # fmt: skip
@click.option(
    "--restart", multiple=True, metavar="BACKEND",
    help="First stop the backend's local server, so that it is started with the options of now; may be repeated.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One JSON event per line.")
@click.pass_context
def serve(context: click.Context, *, once: bool, timeout_s: float, restart: tuple[str, ...], as_json: bool) -> None:
    """Keep the project's endpoints as they are wanted.

    It takes the steps that cm deploy, update, rollback and recycle ask for, starts servers again that died, loads
    models again that a server lost, and follows aliases: where a document names delays@production, promoting a version
    deploys it. Predictions do not pass through it: when it ends, models go on being served.

    It runs until Ctrl-C or SIGTERM; a second one ends it at once. Killed at any moment, the next one goes on from the
    step that was last written down. One runs per project.

    A local server goes on with the options that it was started with. When they have changed in cm.yaml, --restart ends
    it and loads its models into a new one; until then, a few seconds, nobody answers. A server by URL is left alone.

    \b
    Examples:
      cm serve
      cm serve --once
      cm serve --restart triton
      cm serve --json >> serve.log

    \b
    Exit codes: 0 ended as asked (with --once: everything is as wanted), 75 somebody else keeps the endpoints, or has
    taken over; with --once also 69 a server cannot be reached in time, 70 a version was refused.
    """
    from cmcore.cli.view.endpoint_lines import EndpointView, Tail
    from cmcore.stack.serving import controlling
    from cmcore.state.journal import Journal

    with (context.find_object(Invocation) or Invocation()).changing() as project:
        tail = Tail(journal=Journal(project.database), project=project.name)
        with controlling(project) as controller, EndpointView(tail=tail, as_json=as_json) as view, asked() as ended:
            names = project.endpoints.names()
            for name in restart:
                controller.restart(name)
            view.note(f"keeping {', '.join(names) or 'what will be deployed'} in {project.folder}; Ctrl-C ends it")
            code = kept_once(project, controller, view, ended, timeout_s) if once else 0
            if not once:
                kept(project, controller, view, ended)
            view.catch_up()
    context.exit(code)


def kept(project: Project, controller: Controller, view: EndpointView, ended: Callable[[], bool]) -> None:
    """Keep all endpoints until asked to end; what the stores cannot do now is tried again. LeaseLostError."""
    from cmcore.errors import LeaseLostError, LineageError, StateError, StorageError
    from cmcore.stack.serving import serve as keep

    failures = 0

    def heard(name: str, step: object) -> None:
        nonlocal failures
        failures = 0
        view.heard(name, step)

    while not ended():
        try:
            keep(project, controller, until=ended, told=heard)
        except LeaseLostError:
            raise
        except (StateError, LineageError, StorageError) as error:
            failures += 1
            wait_s = min(FIRST_WAIT_S * 2.0 ** min(failures - 1, 10), LONGEST_WAIT_S)
            view.note(f"tried again until it goes on: {error}")
            paused(wait_s, ended)


def kept_once(
    project: Project, controller: Controller, view: EndpointView, ended: Callable[[], bool], timeout_s: float
) -> int:
    """Take the steps that can be taken for every endpoint; the exit code that says how they are."""
    from cmcore.cli.commands.status import documents, worst
    from cmcore.serving.status import Condition
    from cmcore.stack.serving import settle, stop_unused

    give_up_at = time.monotonic() + timeout_s
    names = project.endpoints.names()
    used = project.endpoints.backends()
    for name in names:
        settle(
            project,
            controller,
            name,
            until=lambda: ended() or time.monotonic() >= give_up_at,
            told=view.heard,
        )
    stop_unused(project, used)
    wanted = [it for it in documents(project, None) if it["condition"] != Condition.RECYCLED]
    for it in wanted:
        if it["condition"] != Condition.READY:
            view.note(f"{it['endpoint']} is {it['condition']}: {it['reason'] or 'it takes longer'}")
    refused = any(it["condition"] == Condition.FAILED and not has_hold(project, str(it["endpoint"])) for it in wanted)
    return 70 if refused else {75: 69}.get(worst(wanted), worst(wanted))


def has_hold(project: Project, name: str) -> bool:
    """Whether the next step waits for a server."""
    return project.endpoints.state(name).hold is not None


@contextmanager
def asked() -> Iterator[Callable[[], bool]]:
    """While inside, the first SIGINT or SIGTERM asks for an end after the step that is under way, the second ends it
    at once; yields whether an end was asked for."""
    heard = 0

    def on_signal(number: int, frame: FrameType | None) -> None:
        nonlocal heard
        del number, frame
        heard += 1
        if heard > 1:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, on_signal) for number in SIGNALS}
    try:
        yield lambda: heard > 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def paused(wait_s: float, ended: Callable[[], bool]) -> None:
    """Wait, unless an end is asked for."""
    until = time.monotonic() + wait_s
    while time.monotonic() < until and not ended():
        time.sleep(PAUSE_S)
