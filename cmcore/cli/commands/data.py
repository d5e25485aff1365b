"""`cm data`: versions of data on the command line. What a version is, and what may be overwritten, is decided below."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cmcore.cli.invocation import Invocation

if TYPE_CHECKING:
    from collections.abc import Callable

    from cmcore.datasets.format import DataFormat
    from cmcore.datasets.manifest import DataManifest
    from cmcore.datasets.store import Snapshot
    from cmcore.datasets.version import Attached, Version
    from cmcore.stack import Project

LISTED = ("version", "span", "files", "size", "rows", "taken", "by", "message")
DATASETS = ("dataset", "newest", "files", "size", "rows", "taken", "by", "message")
STORE_DAMAGED = 74

json_option = click.option("--json", "as_json", is_flag=True, help="The answer as JSON.")
name_option = click.option("--name", default="", metavar="NAME", help="The dataset: lower case, at most 40 letters.")
span_option = click.option(
    "--span", type=click.IntRange(0), metavar="K", help="The part of the dataset, such as a day."
)
message_option = click.option("--message", "-m", default="", metavar="TEXT", help="What is worth knowing about it.")


@click.group()
def data() -> None:
    """Snapshot, list, compare and check out versions of data.

    A version is written NAME@3, NAME@latest or just NAME (the newest), NAME@span:2 (the newest of a span).

    \b
    Examples:
      cm data snapshot data/flights --name flights
      cm data diff flights@1 flights@2
      cm data checkout flights@1 old/
    """


@data.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--name", required=True, metavar="NAME", help="The dataset: lower case, at most 40 letters.")
@span_option
@message_option
@click.option("--schema", default="", metavar="ARTIFACT", help="The schema of the data, an artifact of a run.")
@click.option("--statistics", default="", metavar="ARTIFACT", help="Their statistics, an artifact of a run.")
@json_option
@click.pass_context
def snapshot(
    context: click.Context,
    *,
    path: Path,
    name: str,
    span: int | None,
    message: str,
    schema: str,
    statistics: str,
    as_json: bool,
) -> None:
    """Keep a folder, or a file, as the next version of a dataset.

    Where nothing has changed since the newest version of the span there is no new one. What files share with any
    version is stored once. A schema or statistics may be given later, with the same data.

    \b
    Examples:
      cm data snapshot data/flights --name flights -m "all of 2013"
      cm data snapshot data/day-3 --name visits --span 3
      cm data snapshot data/flights --name flights --schema RUN/schema/schema

    \b
    Exit codes: 0 kept or unchanged, 64 the name or what is attached cannot be, 66 nothing there, 74 cannot be read or
    written, 75 somebody collects garbage at this moment.
    """
    from cmcore.cli.view import data as view
    from cmcore.datasets.store import About

    with (context.find_object(Invocation) or Invocation()).changing() as project:
        named = {kind: text for kind, text in (("schema", schema), ("statistics", statistics)) if text}
        attached = {kind: attachment(kind, text, project) for kind, text in named.items()}
        about = About(message=message, span=span, attached=attached)
        with view.progress_bar("reading", size_on_disk(path)) as progress:
            made = project.datasets.snapshot(path, name, about, progress=progress)
        tell(project, made, message=message, as_json=as_json)


@data.command("list")
@click.argument("name", default="", metavar="[NAME]")
@json_option
@click.pass_context
def list_command(context: click.Context, *, name: str, as_json: bool) -> None:
    """List datasets, or the versions of one, the newest first.

    \b
    Examples:
      cm data list
      cm data list flights --json

    \b
    Exit codes: 0 listed, 66 no such dataset.
    """
    from cmcore.cli.output import echo_json, echo_table
    from cmcore.cli.view import data as view
    from cmcore.datasets.names import Reference

    with (context.find_object(Invocation) or Invocation()).project() as project:
        if name:
            project.datasets.get(Reference.parse(name))
        found = project.datasets.versions(name)
    newest = found if name else [*{it.dataset: it for it in found[::-1]}.values()][::-1]
    if as_json:
        echo_json([version.document() for version in newest])
    elif not found:
        click.echo("no data yet; keep a first version: cm data snapshot PATH --name NAME")
    elif name:
        echo_table(LISTED, [view.version_row(it, time.time()) for it in newest])
    else:
        echo_table(DATASETS, [[it.dataset, str(it.version), *view.version_row(it, time.time())[2:]] for it in newest])


@data.command()
@click.argument("version", metavar="NAME@VERSION")
@json_option
@click.pass_context
def show(context: click.Context, *, version: str, as_json: bool) -> None:
    """Show a version: where it came from, its digest, its files.

    The digest is the one that an importer gives the same files, wherever they lie.

    \b
    Examples:
      cm data show flights
      cm data show flights@3 --json

    \b
    Exit codes: 0 shown, 64 no reference to a version, 66 no such version, 74 its list of files is lost.
    """
    from cmcore.cli.output import echo_json, echo_pairs, echo_table, heading
    from cmcore.cli.view import data as view
    from cmcore.cli.view.wording import size

    with (context.find_object(Invocation) or Invocation()).project() as project:
        found = version_named(version, project)
        manifest = project.datasets.manifest(found)
    if as_json:
        files = [it.model_dump(mode="json", exclude={"chunks"}) for it in manifest.files]
        echo_json({**found.document(), "files": files})
        return
    click.echo(view.summary(found))
    echo_pairs(view.pairs(found))
    heading("Files")
    echo_table(
        ["path", "size", "rows", "sha256"],
        [[it.path, size(it.size), view.counted(it.rows), it.sha256[:12]] for it in manifest.files],
        indent=2,
    )


@data.command()
@click.argument("old", metavar="A")
@click.argument("new", metavar="B")
@click.option("--stat", is_flag=True, help="Only the counts.")
@json_option
@click.pass_context
def diff(context: click.Context, *, old: str, new: str, stat: bool, as_json: bool) -> None:
    """Say what became of the files of A in B: versions, or folders (with a slash in their path).

    \b
    Examples:
      cm data diff flights@1 flights@2
      cm data diff flights ./data --stat

    \b
    Exit codes: 0 compared, 64 no reference to a version, 66 no such version or folder, 74 cannot be read.
    """
    from cmcore.cli.output import echo_json, echo_table
    from cmcore.cli.view import data as view
    from cmcore.datasets.difference import difference

    with (context.find_object(Invocation) or Invocation()).project() as project:
        found = difference(side(old, project), side(new, project))
    if as_json:
        echo_json(found.document())
        return
    if found.changes and not stat:
        echo_table(["change", "path", "size", "rows"], [view.change_row(change) for change in found.changes])
    click.echo(view.counts(found))


@data.command()
@click.argument("version", metavar="NAME@VERSION")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DEST")
@click.option("--force", is_flag=True, help="Overwrite changed files of the version, also where other files lie about.")
@json_option
@click.pass_context
def checkout(context: click.Context, *, version: str, folder: Path, force: bool, as_json: bool) -> None:
    """Make a folder hold exactly a version, every file verified.

    A new folder appears at once and whole. In a folder that is there, files that differ are replaced, and those that
    other versions of the dataset have at the same path are removed; what none of them has stops the checkout. With
    --force, files of the version that were changed are overwritten, and all others that no version of the dataset has
    stay. A folder that holds .cm, or is part of it, is refused. Killed or interrupted, the same command goes on.

    \b
    Examples:
      cm data checkout flights@1 old/
      cm data checkout flights data/flights --force

    \b
    Exit codes: 0 done, 66 no such version, 74 damaged, or cannot be written there, 77 something would be lost.
    """
    from cmcore.cli.output import echo_json
    from cmcore.cli.view import data as view
    from cmcore.cli.view.wording import plural

    with (context.find_object(Invocation) or Invocation()).project() as project:
        found = version_named(version, project)
        with view.progress_bar("writing", found.size) as progress:
            done = project.datasets.checkout(found, folder, force=force, progress=progress)
    if as_json:
        strangers = list(done.strangers)
        counted_files = {"written": done.written, "kept": done.kept, "removed": done.removed, "strangers": strangers}
        echo_json({"version": found.reference, "folder": str(done.folder), **counted_files})
        return
    click.echo(
        f"{found.reference} is in {folder}: {plural(done.written, 'file')} written, {done.kept} as they were, "
        f"{done.removed} removed"
    )
    if done.strangers:
        click.echo(f"{plural(len(done.strangers), 'file')} of no version stayed: {', '.join(done.strangers[:5])}")


@data.command("import")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--format", "format_name", default="", metavar="FORMAT", help="The tool, such as dvc; found out if left out."
)
@name_option
@span_option
@message_option
@json_option
@click.pass_context
def import_command(
    context: click.Context, *, path: Path, format_name: str, name: str, span: int | None, message: str, as_json: bool
) -> None:
    """Keep what another tool tracks as the next version of a dataset, every file checked against that tool's record.

    Formats come from plugins; cm plugins list names them.

    \b
    Examples:
      cm data import data.dvc
      cm data import ../repository --format dvc --name flights

    \b
    Exit codes: 0 kept or unchanged, 64 the name cannot be, 74 damaged or hostile, 78 no such format.
    """
    from cmcore.cli.view import data as view
    from cmcore.datasets.store import About

    with (context.find_object(Invocation) or Invocation()).project() as project:
        foreign = format_of(project, format_name, path).read(path)
        about = About(message=message or foreign.remarks.get("description", ""), span=span)
        with view.progress_bar("reading", sum(file.size for file in foreign.files)) as progress:
            made = project.datasets.adopt(
                foreign, name or foreign.name, path.resolve().as_uri(), about, progress=progress
            )
        tell(project, made, message=message, as_json=as_json)


@data.command("export")
@click.argument("version", metavar="NAME@VERSION")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DEST")
@click.option("--format", "format_name", required=True, metavar="FORMAT", help="The tool, such as dvc.")
@json_option
@click.pass_context
def export_command(context: click.Context, *, version: str, folder: Path, format_name: str, as_json: bool) -> None:
    """Write a version into a folder as another tool keeps its data.

    \b
    Example:
      cm data export flights@3 ../repository --format dvc

    \b
    Exit codes: 0 written, 66 no such version, 74 damaged or cannot be written, 78 no such format.
    """
    from cmcore.cli.output import echo_json
    from cmcore.datasets.format import ForeignData

    with (context.find_object(Invocation) or Invocation()).project() as project:
        found = version_named(version, project)
        remark = f"{found.reference}: {found.message}" if found.message else found.reference
        foreign = ForeignData(name=found.dataset, files=project.datasets.files(found), remarks={"description": remark})
        written = format_of(project, format_name, folder).write(foreign, folder)
    if as_json:
        echo_json({"version": found.reference, "written": str(written)})
    else:
        click.echo(f"{found.reference} is in {written}")


@data.command()
@click.argument("version", default="", metavar="[NAME[@VERSION]]")
@json_option
@click.pass_context
def verify(context: click.Context, *, version: str, as_json: bool) -> None:
    """Read every byte of one version, of all of a dataset, or of all, and say which files are not whole.

    Versions that another project with the same state database keeps are left to it, unless one is named.

    \b
    Examples:
      cm data verify
      cm data verify flights@3 --json

    \b
    Exit codes: 0 all whole, 66 no such version, 74 damaged.
    """
    from dataclasses import asdict

    from cmcore.cli.output import echo_json, echo_table
    from cmcore.cli.view import data as view
    from cmcore.cli.view.wording import plural

    with (context.find_object(Invocation) or Invocation()).project() as project:
        named = [version_named(version, project)] if version else []
        listed = project.datasets.versions(named[0].dataset if named else "")
        chosen = named if "@" in version else [it for it in listed if not project.datasets.is_elsewhere(it)]
        with view.progress_bar("reading", sum(each.size for each in chosen)) as progress:
            found = project.datasets.damage(chosen, progress=progress)
    if as_json:
        echo_json([asdict(each) for each in found])
    elif found:
        echo_table(["version", "file", "reason"], [[each.version, each.path, each.reason] for each in found])
    if found:
        click.echo(f"{plural(len(found), 'file')} damaged", err=True)
        context.exit(STORE_DAMAGED)
    if not as_json:
        click.echo(f"{plural(len(chosen), 'version')} verified: every file is whole")


def version_named(text: str, project: Project) -> Version:
    """The version that a reference means."""
    from cmcore.datasets.names import Reference

    return project.datasets.get(Reference.parse(text))


def side(text: str, project: Project) -> DataManifest:
    """One side of a comparison: what has a slash, or is a dot, is a folder."""
    from cmcore.cli.view import data as view

    if "/" not in text and text not in (".", ".."):
        return project.datasets.manifest(version_or_hint(text, project))
    path = Path(text)
    with view.progress_bar("reading", size_on_disk(path)) as progress:
        return project.datasets.look_at(path, progress=progress)


def version_or_hint(text: str, project: Project) -> Version:
    """The version that a reference means; where there is none, but a folder or a file of that name, it is hinted at."""
    from cmcore.errors import NotFoundError, UsageError

    try:
        return version_named(text, project)
    except (NotFoundError, UsageError) as error:
        if not Path(text).exists():
            raise
        raise type(error)(f"{error}; for what lies here under this name, write ./{text}") from error


def attachment(kind: str, text: str, project: Project) -> Attached:
    """The artifact that a word means, as it is attached to a version."""
    from cmcore.cli.naming import artifact_named
    from cmcore.datasets.recording import attachable

    return attachable(kind, artifact_named(text, project.lineage))


def format_of(project: Project, name: str, path: Path) -> DataFormat:
    """The data format of that name, or without one the first that takes a path for its own; raises UsageError."""
    from cmcore.errors import UsageError

    def made(provider: str) -> DataFormat:
        factory: Callable[[], DataFormat] = project.plugins.load(project.plugins.provider("data_format", provider))  # type: ignore[assignment] # the kind's contract
        return factory()

    if name:
        return made(name)
    known = [provider.name for provider in project.plugins.providers("data_format")]
    for each in known:
        if (found := made(each)).detects(path):
            return found
    raise UsageError(f"no format takes {str(path)!r} for its own; known are {', '.join(known) or 'none'}: try --format")


def tell(project: Project, made: Snapshot, *, message: str, as_json: bool) -> None:
    """Say which version a snapshot made, and how much of it was there before."""
    from cmcore.cli.output import echo_json
    from cmcore.cli.view import data as view
    from cmcore.datasets.difference import difference
    from cmcore.datasets.names import Reference

    version = made.version
    if message not in ("", version.message):
        click.echo(f"the message was not kept: {version.reference} keeps the one it was taken with", err=True)
    if as_json:
        echo_json({**version.document(), "new": made.new})
        return
    click.echo(view.summary(version) if made.new else f"nothing changed since {view.summary(version)}")
    if made.new and version.version > 1:
        before = project.datasets.get(Reference(dataset=version.dataset, version=version.version - 1))
        if project.datasets.is_elsewhere(before):
            return
        changes = difference(project.datasets.manifest(before), project.datasets.manifest(version))
        click.echo(f"since {before.reference}: {view.counts(changes)}")


def size_on_disk(path: Path) -> int:
    """How many bytes a folder, or a file, has about now."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)
