"""`cm pin`: keep a run, a version or an artifact from being collected, whatever its age."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cmcore.cli.invocation import Invocation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cmcore.lineage.record import ArtifactRecord
    from cmcore.retention.pins import Pin, PinKind
    from cmcore.stack import Project


@click.command()
@click.argument("reference", metavar="[REF]", default="")
@click.option("--reason", default="", metavar="TEXT", help="Why; it is shown beside the pin.")
@click.option("--remove", is_flag=True, help="Take the pin away.")
@click.option("--list", "listed", is_flag=True, help="Show what is pinned.")
@click.option("--json", "as_json", is_flag=True, help="With --list: as JSON.")
@click.pass_context
def pin(context: click.Context, *, reference: str, reason: str, remove: bool, listed: bool, as_json: bool) -> None:
    """Keep a run or a version from being collected.

    REF is a run, MODEL@VERSION (an alias stands for the version that it names now), or an artifact: its name,
    RUN/NODE/OUTPUT or the beginning of its digest. What is pinned stays with all that it needs, until the pin is
    removed; cm gc --expired says what is kept for whom. Versions of data are never collected, and need no pin.

    \b
    Examples:
      cm pin flights-20260729-101500-ab12 --reason "figure 3 of the paper"
      cm pin flights@1.2.0
      cm pin flights@1.2.0 --remove
      cm pin --list

    \b
    Exit codes: 0 done, 64 neither REF nor --list, or REF means several or data, 66 there is no such thing, 75 cm gc is
    deciding at this moment.
    """
    if bool(reference) is listed:
        raise click.UsageError("say what to pin, or give --list", context)
    if as_json and not listed:
        raise click.UsageError("--json goes with --list", context)
    with (context.find_object(Invocation) or Invocation()).changing() as project:
        if listed:
            show(project.pins.list(), as_json=as_json)
        elif remove:
            kind, name = pinned(project, reference)
            project.pins.unpin(kind, name)
            click.echo(f"no longer pinned: {kind} {name}")
        else:
            kind, name = meant(project, reference)
            project.pins.pin(kind, name, reason=reason)
            click.echo(f"pinned: {kind} {name}")


def pinned(project: Project, reference: str) -> tuple[PinKind, str]:
    """What is pinned under just that name; else what it means, as what is pinned may be gone by now."""
    named = [each for each in project.pins.list() if each.name == reference]
    return (named[0].kind, reference) if named else meant(project, reference)


def meant(project: Project, reference: str) -> tuple[PinKind, str]:
    """What a word on the command line names; raises NotFoundError, UsageError."""
    from cmcore.cli.naming import artifact_named, run_named
    from cmcore.datasets import names as datasets
    from cmcore.errors import UsageError
    from cmcore.registry import names as models
    from cmcore.retention.pins import PinKind

    name, _, rest = reference.partition("@")
    if "/" in reference or reference.startswith("sha256:"):
        return PinKind.ARTIFACT, there(artifact_named(reference, project.lineage)).name
    if datasets.VERSION.fullmatch(rest) or datasets.SPAN.fullmatch(rest):
        found = project.datasets.get(datasets.Reference.parse(reference)).reference
        raise UsageError(f"{found} needs no pin: versions of data are never collected")
    if rest or name in {model.name for model in project.registry.models()}:
        version = project.registry.version(models.Reference.parse(reference))
        if artifact := project.lineage.artifact(version.facts.artifact):
            there(artifact)
        return PinKind.VERSION, str(version)
    return PinKind.RUN, run_named(reference, project.ledger.runs).run


def there(artifact: ArtifactRecord) -> ArtifactRecord:
    """The artifact itself; raises NotFoundError where its payload is gone, which no pin brings back."""
    from cmcore.errors import NotFoundError
    from cmcore.lineage.walk import deletion

    if artifact.deleted:
        raise NotFoundError(f"{artifact.name} can no longer be kept: {deletion(artifact)}")
    return artifact


def show(pins: Sequence[Pin], *, as_json: bool) -> None:
    """The pins as a table, or as JSON."""
    import time
    from dataclasses import asdict

    from cmcore.cli.output import echo_json, echo_table
    from cmcore.cli.view.wording import ago

    if as_json:
        echo_json([asdict(each) for each in pins])
    elif pins:
        rows = [[each.kind, each.name, each.reason, each.actor, ago(time.time() - each.pinned_at)] for each in pins]
        echo_table(["what", "name", "reason", "by", "since"], rows)
    else:
        click.echo("nothing is pinned")
