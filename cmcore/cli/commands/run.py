"""`cm run`: a pipeline is found, planned and watched. What its words mean is decided in `planning` and the driver."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from cmcore.cli.invocation import Invocation


@click.command()
@click.argument("target", metavar="PIPELINE")
@click.option(
    "--set", "sets", multiple=True, metavar="KEY=VALUE", help="Set a parameter, or a setting (run.*, stack.*)"
)
@click.option("--workers", type=click.IntRange(1, 1024), metavar="N", help="Nodes at once.  [default: one per CPU]")
@click.option("--from", "first", multiple=True, metavar="NODE", help="Only this node and what needs it.")
@click.option("--to", "last", multiple=True, metavar="NODE", help="Only this node and what it needs.")
@click.option("--only", multiple=True, metavar="NODE", help="Only this node, on what earlier runs published.")
@click.option("--in-process", is_flag=True, help="Run nodes in this process, one after the other, without isolation.")
@click.option("--pdb", "debugger", is_flag=True, help="Open the debugger where a node fails; implies --in-process.")
@click.option("--no-cache", is_flag=True, help="Neither look for earlier results nor be found as one.")
@click.option("--refresh", is_flag=True, help="Run every node; later runs find these results.")
@click.option("--json", "as_json", is_flag=True, help="One JSON event per line; the last line is the result.")
@click.pass_context
def run(
    context: click.Context,
    *,
    target: str,
    sets: tuple[str, ...],
    workers: int | None,
    first: tuple[str, ...],
    last: tuple[str, ...],
    only: tuple[str, ...],
    in_process: bool,
    debugger: bool,
    no_cache: bool,
    refresh: bool,
    as_json: bool,
) -> None:
    """Run a pipeline and watch it.

    PIPELINE is a document (flights.yaml), a Python file (flights.py, or flights.py:NAME where it makes several) or an
    import path (package.module:NAME). Nodes that do not depend on each other run at the same time; a node whose code,
    parameters and inputs were seen before is served from the cache. Everything is recorded: cm show, cm lineage.

    Ctrl-C cancels: the first asks running nodes to stop, the second stops them at once. Go on with cm resume.

    \b
    Examples:
      cm run flights.py
      cm run flights.yaml --set epochs=3 --set model.depth=5
      cm run flights.py --only train --in-process --pdb

    \b
    Exit codes: 0 succeeded, 1 a node failed, 130 canceled, 64 usage, 65 the pipeline is wrong, 66 not found.
    """
    from cmcore.cli import sets as words
    from cmcore.cli.planning import Selection, planned, with_cache
    from cmcore.cli.watch import Watch
    from cmcore.pipelines.document import CachePolicy

    if no_cache and refresh:
        raise click.UsageError("--no-cache and --refresh exclude each other", context)
    invocation = context.find_object(Invocation) or Invocation()
    settings = {"run.workers": str(workers)} if workers else {}
    with planned(invocation, target, words.split(sets), settings=settings) as found:
        plan, where = found.plan, words_for_place(found.project.folder, is_new=not found.project.home.exists())
        if no_cache or refresh:
            plan = with_cache(plan, CachePolicy.OFF if no_cache else CachePolicy.REFRESH)
        watch = Watch(
            target=shlex.join([target, *(word for text in sets for word in ("--set", text))]),
            where=where,
            as_json=as_json,
            in_process=in_process or debugger,
            debugger=debugger,
            chosen=Selection(first=first, last=last, only=only).chosen(plan),
        )
        code = watch.carried_out(plan, lambda options: found.project.carry_out(plan, found.pipeline, options))
    context.exit(code)


def words_for_place(folder: Path, *, is_new: bool) -> str:
    """Which project a run is started in: said where it is not the current folder, or where there was none before."""
    kind = "new project" if is_new else "project"
    return f"in {kind} {folder.resolve()}" if is_new or folder.resolve() != Path.cwd() else ""
