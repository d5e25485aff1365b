"""Watching a run from start to summary: what `cm run` and `cm resume` have in common. How it runs is the stack's."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

import click
from pydantic import JsonValue

from cmcore.cli.interrupt import cancelling
from cmcore.cli.output import echo_json
from cmcore.cli.view.choice import View, view_for
from cmcore.cli.view.result import result_document
from cmcore.cli.view.summary import respoken, show_summary
from cmcore.cli.view.wording import plural
from cmcore.pipelines.plan import Plan
from cmcore.runtime.driver import Driver
from cmcore.runtime.run import RunResult
from cmcore.runtime.states import RunState
from cmcore.stack import RunOptions
from cmcore.tracking.couriers import TrackerTally

EXIT_CODES = {RunState.SUCCEEDED: 0, RunState.FAILED: 1, RunState.CANCELED: 130}


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """How a run is shown, and what of it runs where; `where` says in which project, if that is not obvious."""

    target: str
    where: str = ""
    as_json: bool = False
    in_process: bool = False
    debugger: bool = False
    chosen: Collection[str] = ()
    changed_code: bool = False

    def carried_out(self, plan: Plan, start: Callable[[RunOptions], RunResult]) -> int:
        """Start a run, show it until it is over, then what came of it; the exit code."""
        view = view_for(plan.pipeline, as_json=self.as_json, in_process=self.in_process, where=self.where)
        tallies: list[TrackerTally] = []
        try:
            result = start(self.options(view, tallies.append))
        finally:
            view.close()
        if self.as_json:
            trackers: list[JsonValue] = [asdict(tally) for tally in tallies]
            document = result_document(plan, result, view.board, self.target)
            echo_json(document | ({"trackers": trackers} if trackers else {}), indent=None)
        else:
            show_summary(plan, result, view.board, self.target)
            show_tallies(tallies)
        return EXIT_CODES[result.state]

    def options(self, view: View, tracked: Callable[[TrackerTally], None] = lambda _: None) -> RunOptions:
        """The run's options, with the view listening."""

        @contextmanager
        def interruptible(driver: Driver) -> Iterator[None]:
            view.begin(driver.progress.states, driver.progress.reasons)
            with cancelling(driver, view.note, in_process=self.in_process):
                yield

        return RunOptions(
            listen=view.hear,
            chosen=self.chosen,
            in_process=self.in_process,
            debug=post_mortem if self.debugger else None,
            interruptible=interruptible,
            changed_code=self.changed_code,
            observer_fault=lambda fault: view.note(f"warning: {fault}"),
            tracked=tracked,
            awaiting=lambda names: view.note(f"waiting for {', '.join(names)} to be told; Ctrl-C stops waiting"),
        )


def show_tallies(tallies: Sequence[TrackerTally]) -> None:
    """Where else the run can be seen, and what a tracker has not got yet."""
    for tally in tallies:
        if tally.waiting:
            click.echo(
                respoken(
                    f"\n{tally.name} has yet to get {plural(tally.waiting, 'event')} ({tally.reason or 'it is busy'}); "
                    f"nothing is lost, the next run delivers them, or: cm tracking deliver"
                ),
                err=True,
            )
        elif tally.link:
            click.echo(f"\nIn {tally.name}: {tally.link}")


def post_mortem(error: BaseException) -> None:
    """Open the debugger where an exception was raised."""
    import pdb  # noqa: T100 # it was asked for

    click.echo(f"{type(error).__name__}: {error}\nThe debugger is where it was raised: w (where), p NAME, u, d, q")
    pdb.post_mortem(error.__traceback__)
