"""Watching a run from start to summary: what `cm run` and `cm resume` have in common. How it runs is the stack's."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import click

from cmcore.cli.interrupt import cancelling
from cmcore.cli.output import echo_json
from cmcore.cli.view.choice import View, view_for
from cmcore.cli.view.result import result_document
from cmcore.cli.view.summary import show_summary
from cmcore.pipelines.plan import Plan
from cmcore.runtime.driver import Driver
from cmcore.runtime.run import RunResult
from cmcore.runtime.states import RunState
from cmcore.stack import RunOptions

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
        try:
            result = start(self.options(view))
        finally:
            view.close()
        if self.as_json:
            echo_json(result_document(plan, result, view.board, self.target), indent=None)
        else:
            show_summary(plan, result, view.board, self.target)
        return EXIT_CODES[result.state]

    def options(self, view: View) -> RunOptions:
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
        )


def post_mortem(error: BaseException) -> None:
    """Open the debugger where an exception was raised."""
    import pdb  # noqa: T100 # it was asked for

    click.echo(f"{type(error).__name__}: {error}\nThe debugger is where it was raised: w (where), p NAME, u, d, q")
    pdb.post_mortem(error.__traceback__)
