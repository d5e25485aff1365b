"""How versions of data, and what differs between them, are written for people; and a bar for long work."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click

from cmcore.cli.view.wording import ago, plural, size
from cmcore.datasets.difference import Change, Difference, FileChange
from cmcore.datasets.taking import Progress
from cmcore.datasets.version import Version


def summary(version: Version) -> str:
    """A version in one line."""
    rows = "" if version.rows is None else f", {version.rows:,} rows"
    name = click.style(version.reference, bold=True)
    return f"{name}  {plural(version.files, 'file')}, {size(version.size)}{rows}  {version.digest}"


def pairs(version: Version) -> dict[str, str]:
    """What else is known of a version."""
    return {
        "span": "" if version.span is None else str(version.span),
        "taken": f"{ago(time.time() - version.created_at)} by {version.actor}",
        "from": version.source,
        "message": version.message,
        **{kind: artifact.name for kind, artifact in version.attached.items()},
    }


def version_row(version: Version, now: float) -> list[str]:
    """One line of the list."""
    return [
        version.reference,
        "" if version.span is None else str(version.span),
        str(version.files),
        size(version.size),
        counted(version.rows),
        ago(now - version.created_at),
        version.actor,
        version.message,
    ]


def change_row(change: FileChange) -> list[str]:
    """One line of a comparison."""
    path = f"{change.old_path} -> {change.path}" if change.old_path else change.path
    sizes = [size(count) if count else "" for count in (change.old_size, change.size)]
    rows = "" if not change.more_rows else f"{change.more_rows:+,}"
    return [change.change.value, path, " -> ".join(filter(None, dict.fromkeys(sizes))), rows]


def counts(found: Difference) -> str:
    """A comparison in one line."""
    numbers = [f"{found.count(change)} {change.value}" for change in Change if found.count(change)]
    return f"{', '.join([*numbers, f'{found.same} the same'])}; {found.shared_percent:.1f} % of the bytes shared"


def counted(rows: int | None) -> str:
    """A number of rows; empty where it is not known."""
    return "" if rows is None else f"{rows:,}"


@contextmanager
def progress_bar(what: str, total: int) -> Iterator[Progress]:
    """Shows on a terminal how much of so many bytes has been worked off."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich import progress as rich
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn(what), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with rich.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda count: bar.advance(task, count)
