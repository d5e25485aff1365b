"""`cm gc`: payloads that nobody needs. What may go is decided by storage and retention, and shown here."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

import click

from cmcore.cli.invocation import Invocation

if TYPE_CHECKING:
    from pydantic import JsonValue

    from cmcore.cli.waste import Item, Waste
    from cmcore.retention.verdicts import Verdict

T = TypeVar("T")
KEEP_RUNS, KEEP_DAYS = 20, 30.0


@click.command()
@click.option("--dry-run/--delete", "dry_run", default=True, help="Only say what would go (default), or delete it.")
@click.option("--expired", is_flag=True, help="Recorded payloads too that no root needs any more.")
@click.option(
    "--keep-runs", type=click.IntRange(0), metavar="N",
    help="Leave the newest N runs alone.  [default: 0; 20 with --expired]",
)  # fmt: skip
@click.option(
    "--keep-days", type=click.FloatRange(0), metavar="D", help="With --expired: keep what is younger.  [default: 30]"
)
@click.option("--drop-upstream", is_flag=True, help="With --expired: do not keep what kept versions were made from.")
@click.option("--kept", "show_kept", is_flag=True, help="With --expired: show what stays too, and for which root.")
@click.option("--json", "as_json", is_flag=True, help="A JSON list of what may go.")
@click.pass_context
def gc(
    context: click.Context,
    *,
    dry_run: bool,
    expired: bool,
    keep_runs: int | None,
    keep_days: float | None,
    drop_upstream: bool,
    show_kept: bool,
    as_json: bool,
) -> None:
    """Find, and delete if told so, payloads that nobody needs.

    Killed and failed attempts leave data behind that nobody can ever read: no record names it. All recorded artifacts
    stay, and everything of runs that somebody carries out at this moment. Without --delete nothing is changed.

    With --expired, recorded payloads go too unless a root needs them. Roots are versions that have an alias or are
    deployed at an endpoint, or lately were, the newest version of each model, recent runs and versions, and what is
    pinned (cm pin). A version also keeps its evaluation and blessing, and what it was made from. The lineage of what is
    deleted stays and says so. Nothing that expired is deleted while a run is carried out.

    \b
    Examples:
      cm gc
      cm gc --delete --keep-runs 5
      cm gc --expired --keep-runs 50 --keep-days 90 --kept
      cm gc --expired --delete

    \b
    Exit codes: 0 done, 74 the store cannot be read, 75 runs are being carried out, or another cm gc is at it.
    """
    from cmcore.cli.waste import Order, cleared, found_waste
    from cmcore.retention.roots import Policy

    if not expired and (keep_days is not None or drop_upstream or show_kept):
        raise click.UsageError("--keep-days, --drop-upstream and --kept go with --expired", context)
    policy = Policy(
        keep_runs=KEEP_RUNS if keep_runs is None else keep_runs,
        keep_days=KEEP_DAYS if keep_days is None else keep_days,
        keep_upstream=not drop_upstream,
    )
    order = Order(expired=expired, spare_runs=keep_runs or 0, policy=policy)
    with (context.find_object(Invocation) or Invocation()).changing() as project:
        found = (found_waste if dry_run else cleared)(project, order, watched)
    if as_json:
        show_json(found, with_kept=show_kept)
        return
    show_table(found, with_kept=show_kept)
    given = {"--expired": expired, "--keep-runs": keep_runs, "--keep-days": keep_days, "--drop-upstream": drop_upstream}
    show_sums(found, command(given) if dry_run and found.items else "", dry_run=dry_run, expired=expired)


def watched(items: Sequence[T], label: str) -> Iterator[T]:
    """The items, with a bar on the terminal."""
    if not sys.stderr.isatty():
        yield from items
        return
    with click.progressbar(items, label=label, file=sys.stderr) as shown:
        yield from shown


def command(given: Mapping[str, float | bool | None]) -> str:
    """What deletes just what was shown."""
    flags = {name: value for name, value in given.items() if value is not None and value is not False}
    words = [name if value is True else f"{name} {value:g}" for name, value in flags.items()]
    return " ".join(["cm gc", *words, "--delete"])


def show_table(found: Waste, *, with_kept: bool) -> None:
    """What may go, or went, and what stays."""
    from cmcore.cli.output import echo_table
    from cmcore.cli.view.wording import size

    rows = [[it.uri, size(it.size_bytes), it.reason] for it in found.items]
    if with_kept:
        rows += [[it.uri, size(it.size_bytes), f"kept for {it.kept_by}"] for it in found.kept]
    if rows:
        echo_table(["uri", "size", "reason"], rows)


def show_json(found: Waste, *, with_kept: bool) -> None:
    """The same as a list."""
    from cmcore.cli.output import echo_json

    kept = [document("kept", it.uri, it.run, it.size_bytes, f"kept for {it.kept_by}", it) for it in found.kept]
    gone = [document(it.kind, it.uri, it.run, it.size_bytes, it.reason, it.verdict) for it in found.items]
    echo_json([*gone, *(kept if with_kept else [])])


def document(
    kind: str, uri: str, run: str, size_bytes: int, reason: str, verdict: Verdict | None
) -> dict[str, JsonValue]:
    """One thing as JSON."""
    names: list[JsonValue] = [artifact.name for artifact in verdict.artifacts] if verdict else []
    return {"kind": kind, "uri": uri, "run": run, "size_bytes": size_bytes, "reason": reason, "artifacts": names}


def show_sums(found: Waste, how: str, *, dry_run: bool, expired: bool) -> None:
    """How much of it there is, and what to type next."""
    from cmcore.cli.view.wording import plural, size

    freed = size(sum(item.size_bytes for item in found.items))
    verb = "would free" if dry_run else "freed"
    what = f"{counted(found.items)}: {verb} {freed}{f'; delete by: {how}' if how else ''}"
    click.echo(what if found.items else "nothing to collect")
    if expired:
        kept = size(sum(verdict.size_bytes for verdict in found.kept))
        click.echo(f"kept {plural(len(found.kept), 'recorded payload')}, {kept}")
    if dry_run and expired and found.live_runs:
        click.echo(f"--delete has to wait: {', '.join(found.live_runs[:3])} is being carried out", err=True)


def counted(items: Sequence[Item]) -> str:
    """How much there is of which kind."""
    from cmcore.cli.view.wording import plural

    counts = {kind: sum(item.kind == kind for item in items) for kind in ("expired", "left behind", "scratch", "data")}
    unrecorded = sum(item.kind == "unrecorded" for item in items)
    first = f"{plural(unrecorded, 'payload')} without a record"
    return ", ".join([first, *(f"{count} {kind}" for kind, count in counts.items() if count)])
