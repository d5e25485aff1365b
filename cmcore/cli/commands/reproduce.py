"""`cm reproduce`: an old run is run again and compared. What is compared, and how, is the stack's and provenance's."""

from __future__ import annotations

import click

from cmcore.cli.invocation import Invocation


@click.command()
@click.argument("run", metavar="[RUN]", default="")
@click.option("--verify", is_flag=True, help="Exit with 1 unless every node that ran is equal.")
@click.option("--accept", "accepted", multiple=True, metavar="NODE", help="This node may differ: --verify allows it.")
@click.option(
    "--environment", "packages", type=click.Choice(["current", "recorded"]),
    help="Packages: those installed here, or those of the run.  [default: recorded, if they differ]",
)  # fmt: skip
@click.option("--allow-changed-data", is_flag=True, help="Go on although imported data is not what it was.")
@click.option("--keep", is_flag=True, help="Keep the reproduction's folder: code, payloads, logs.")
@click.option("--json", "as_json", is_flag=True, help="One JSON event per line; the last line is the report.")
@click.pass_context
def reproduce(
    context: click.Context,
    *,
    run: str,
    verify: bool,
    accepted: tuple[str, ...],
    packages: str | None,
    allow_changed_data: bool,
    keep: bool,
    as_json: bool,
) -> None:
    """Run an old run again, and compare what comes of it.

    Recorded code is taken from git and from the files that were kept with the run, into a folder of its own; recorded
    packages are installed where those of now differ; imported data is digested again. Then every node runs on what it
    read then, uncached, and its outputs and metrics are compared. Nodes that change the world outside (Pusher,
    Registrar) are never run again; what a resolver found then is given, not what it would find today.

    Files and the index of your repository, the cache, trackers and the registry are left alone. What could not be held
    fixed is named. Without RUN, the newest run is meant.

    \b
    Examples:
      cm reproduce flights-20260729-101500-ab12 --verify
      cm reproduce flights-20260729-101500-ab12 --verify --accept trainer
      cm reproduce flights-20260729-101500-ab12 --environment current --keep

    \b
    Exit codes: 0 compared, 1 a node failed or (with --verify) differs, 64 nothing of it can run again,
    66 no such run, or its code or data is gone, 74 a payload is damaged, 78 its packages cannot be installed.
    """
    from cmcore.cli.naming import run_meant
    from cmcore.cli.reproduction import Screen, show_report
    from cmcore.provenance.reproduction.report import Packages
    from cmcore.provenance.reproduction.verdict import Verdict
    from cmcore.stack.reproducing import Asked
    from cmcore.stack.reproducing import reproduce as reproduced

    with (context.find_object(Invocation) or Invocation()).project() as project:
        asked = Asked(
            run=run_meant(run, project.ledger.runs).run,
            packages=Packages(packages) if packages else None,
            allow_changed_data=allow_changed_data,
            keep=keep,
            accepted=frozenset(accepted),
        )
        report = reproduced(project, asked, Screen(as_json=as_json))
    show_report(report, as_json=as_json)
    failed = [node for node in report.named(Verdict.FAILED) if node not in asked.accepted]
    context.exit(1 if failed or (verify and not report.verified) else 0)
