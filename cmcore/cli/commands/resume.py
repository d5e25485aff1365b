"""`cm resume`: a run goes on where its driver stopped. What is left to do is the runtime's decision."""

from __future__ import annotations

import click

from cmcore.cli.invocation import Invocation


@click.command()
@click.argument("run", metavar="[RUN]", default="")
@click.option("--changed-code", is_flag=True, help="Go on although code has changed since the run was planned.")
@click.option("--json", "as_json", is_flag=True, help="One JSON event per line; the last line is the result.")
@click.pass_context
def resume(context: click.Context, run: str, changed_code: bool, as_json: bool) -> None:
    """Go on with a run that was killed, canceled or failed.

    What the run has published stays and is not run again; the other nodes run, by the plan that was recorded. While
    somebody else carries the run out, resuming it is refused and says who. Without RUN, the newest run is meant.

    \b
    Examples:
      cm resume flights-20260729-101500-ab12
      cm resume flights-20260729-101500-ab12 --changed-code

    \b
    Exit codes: 0 succeeded, 1 a node failed, 130 canceled, 64 code has changed, 66 no such run, 75 somebody runs it.
    """
    from cmcore.cli.naming import run_meant
    from cmcore.cli.watch import Watch
    from cmcore.runtime.run import recorded_plan

    with (context.find_object(Invocation) or Invocation()).project() as project:
        name = run_meant(run, project.ledger.runs).run
        plan = recorded_plan(name, project.ledger)
        watch = Watch(target="", as_json=as_json, changed_code=changed_code)
        code = watch.carried_out(plan, lambda options: project.resume(name, options))
    context.exit(code)
