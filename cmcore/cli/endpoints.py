"""Bringing an endpoint to what is wanted of it, watched: what deploy, update, rollback and recycle have in common.

Where nobody keeps the project's endpoints, the steps are taken here; where `cm serve` does, it is watched. Which step
comes next is decided in `cmcore.serving`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum

import click

from cmcore.cli.change_options import ChangeOptions
from cmcore.cli.output import echo_json
from cmcore.cli.view.endpoint_lines import EndpointView, Tail
from cmcore.cli.view.endpoint_status import NOBODY, address_lines
from cmcore.cli.view.summary import respoken
from cmcore.cli.view.wording import one_line
from cmcore.errors import LeaseHeldError, UsageError
from cmcore.inference.sample import recorded_rows
from cmcore.serving.status import Condition, condition, reason_of, refusals
from cmcore.serving.values import EndpointState, Revision
from cmcore.stack import Project
from cmcore.stack.serving import controlling, lease_name, settle, status, stop_unused
from cmcore.state.journal import Journal
from cmcore.state.lease import Leases

LOOK_S = 0.2
SAMPLE, DATA = "--sample", "--data '{...}'"


class Outcome(StrEnum):
    """What came of a change. WAITING: it is not there yet, and nothing is lost."""

    READY = "ready"
    RECYCLED = "recycled"
    REFUSED = "refused"
    WAITING = "waiting"
    OVERTAKEN = "overtaken"


EXIT_CODES = {
    Outcome.READY: 0, Outcome.RECYCLED: 0, Outcome.REFUSED: 70, Outcome.WAITING: 69, Outcome.OVERTAKEN: 75,
}  # fmt: skip


def carry_out(project: Project, endpoint: str, want: Callable[[], Revision], options: ChangeOptions) -> int:
    """Want a change (`want` writes it down), and show each step until it is there; the exit code."""
    tail = Tail(journal=Journal(project.database), project=project.name, endpoint=endpoint)
    with resumable(endpoint), EndpointView(tail=tail, as_json=options.as_json) as view:
        wanted = want()
        view.catch_up()
        outcome = brought(project, wanted, view, options)
        view.catch_up()
    return told(project, wanted, outcome, options)


@contextmanager
def resumable(endpoint: str) -> Iterator[None]:
    """Ctrl-C ends the waiting, and says how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo(
            respoken(
                f"\nwhat was done stays; cm serve, or the same again, goes on with the rest: cm status {endpoint}"
            ),
            err=True,
        )
        raise


def brought(project: Project, wanted: Revision, view: EndpointView, options: ChangeOptions) -> Outcome:
    """Take the steps, or watch somebody who does, until the revision is served, is refused, or the time is up."""
    give_up_at = time.monotonic() + options.timeout_s
    leases = Leases(project.database)
    while options.wait and time.monotonic() < give_up_at:
        holder = leases.holder(lease_name(project))
        if holder is None:
            with suppress(LeaseHeldError):  # somebody was faster, and takes them
                act(project, wanted, view, options, give_up_at)
        else:
            view.note(f"{holder} keeps this project's endpoints and takes the steps")
        view.catch_up()
        if outcome_of(project, wanted) is not Outcome.WAITING:
            break
        time.sleep(LOOK_S)
    return outcome_of(project, wanted)


def act(project: Project, wanted: Revision, view: EndpointView, options: ChangeOptions, give_up_at: float) -> None:
    """Take all steps that there are; raises LeaseHeldError where somebody else takes them."""

    def over() -> bool:
        outcome = outcome_of(project, wanted)
        enough = outcome is Outcome.READY and not options.drained
        return enough or outcome is Outcome.OVERTAKEN or time.monotonic() >= give_up_at

    with controlling(project) as controller:
        used = project.endpoints.backends()
        settle(project, controller, wanted.endpoint, until=over, told=view.heard)
        stop_unused(project, used)


def outcome_of(project: Project, wanted: Revision) -> Outcome:
    """How far it is; a newer revision of the same document is the same wish (an alias has moved). It is ready once its
    servers say so, whatever was remembered of them."""
    state = project.endpoints.state(wanted.endpoint)
    if (state.revision.document, bool(state.revision.wanted)) != (wanted.document, bool(wanted.wanted)):
        return Outcome.OVERTAKEN
    refused = refusals(project.endpoints.deployments(wanted.endpoint))
    match condition(state, refused):
        case Condition.READY if status(project, wanted.endpoint)["condition"] == Condition.READY:
            return Outcome.READY
        case Condition.RECYCLED:
            return Outcome.RECYCLED
        case _:
            return Outcome.REFUSED if set(state.revision.wanted.values()) & set(refused) else Outcome.WAITING


def told(project: Project, wanted: Revision, outcome: Outcome, options: ChangeOptions) -> int:
    """Say what came of it; the exit code."""
    code = 0 if outcome is Outcome.WAITING and not options.wait else EXIT_CODES[outcome]
    document = status(project, wanted.endpoint)
    if options.as_json:
        echo_json({"outcome": outcome.value, "exit_code": code, "status": document}, indent=None)
        return code
    state = project.endpoints.state(wanted.endpoint)
    for line in words(project, state, wanted, outcome, options):
        click.echo(respoken(line), err=code != 0)
    if outcome is Outcome.READY:
        for line in [*address_lines(document), *afterwards(project, state)]:
            click.echo(respoken(line))
    return code


def words(
    project: Project, state: EndpointState, wanted: Revision, outcome: Outcome, options: ChangeOptions
) -> list[str]:
    """What came of it, for people."""
    name = wanted.endpoint
    failed = click.style("error:", fg="red", bold=True)
    refused = refusals(project.endpoints.deployments(name))
    match outcome:
        case Outcome.READY:
            ready = click.style("READY", fg="green")
            return [f"{click.style(name, bold=True)} is {ready} at revision {state.revision.number}"]
        case Outcome.RECYCLED:
            return [f"{click.style(name, bold=True)} is recycled: nothing of it is served"]
        case Outcome.OVERTAKEN:
            newest = state.revision
            by = f"{newest.actor} made revision {newest.number} of {name} meanwhile"
            return [f"{failed} {by}{f' ({newest.reason})' if newest.reason else ''}; look: cm status {name}"]
        case Outcome.REFUSED:
            reasons = [
                f"{state.revision.resolved.get(variant, '')} was refused: {one_line(refused[number], 5000)}"
                for variant, number in state.revision.wanted.items()
                if number in refused
            ]
            return [f"{failed} {'; '.join(reasons)}", goes_on(state)]
        case _ if not options.wait:
            kept = (
                "" if keeper(project) else "; nobody keeps this project's endpoints, so nothing happens before cm serve"
            )
            return [f"{name} revision {state.revision.number} is wanted; cm status {name} says how far it is{kept}"]
        case _:
            why = reason_of(state, refused) or "it takes longer"
            late = f"{name} is not as wanted after {options.timeout_s:g} s: {one_line(why, 2000)}"
            again = "it is still wanted: cm serve goes on, or the same command again"
            away = state.hold is not None and not state.revision.wanted
            forget = away and state.revision.document.draining.forget_after_s is None
            return [f"{failed} {late}", f"{again}{f'; for good? cm recycle {name} --forget' if forget else ''}"]


def goes_on(state: EndpointState) -> str:
    """Who answers although a version was refused."""
    serving = [it for it in state.deployments if it.number in state.traffic.values()]
    if not serving:
        return f"nothing is served at {state.name}"
    return (
        f"{', '.join(map(str, serving))} goes on serving; to stop asking for the refused one: cm rollback {state.name}"
    )


def afterwards(project: Project, state: EndpointState) -> list[str]:
    """What is left to be done once traffic has moved, and by whom."""
    left = [it.name for it in state.deployments if it.number not in state.traffic.values()]
    kept = keeper(project)
    lines = [f"{', '.join(left)} drains: {'that goes on' if kept else 'cm serve goes on, or the next command'}"]
    return [
        *(lines if left else []),
        *([] if kept else [f"kept by {NOBODY}"]),
        f"try it: cm predict {state.name} {SAMPLE if has_example(state) else DATA}",
    ]


def has_example(state: EndpointState) -> bool:
    """Whether the model that clients reach recorded an example of its input."""
    deployment = state.deployment(state.traffic.get(state.revision.document.main.name, 0))
    return deployment is not None and bool(recorded_rows(deployment.placement.folder))


def keeper(project: Project) -> str:
    """Who keeps the project's endpoints as they are wanted; empty for nobody."""
    holder = Leases(project.database).holder(lease_name(project))
    return str(holder) if holder else ""


def agreed(question: str, *, yes: bool) -> None:
    """Ask on a terminal; raises UsageError where nobody can be asked, click.Abort where the answer is no."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"{question} Nobody can be asked here: say --yes")
    click.confirm(question, abort=True)
