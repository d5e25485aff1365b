"""What a run tracked beside its record, for `cm show`: labels, remarks, series, files, its pages elsewhere."""

from __future__ import annotations

from collections.abc import Mapping

import click
from pydantic import JsonValue

from cmcore.cli.output import Cell, echo_pairs, echo_table, heading
from cmcore.cli.view.wording import one_line
from cmcore.tracking.values import TrackedRun

NOTE_LENGTH = 300


def show_tracked(run: TrackedRun, links: Mapping[str, str]) -> None:
    """Everything for people; nothing where nothing was tracked."""
    pairs = {
        "tags": ", ".join(f"{name}={value}" for name, value in run.tags.items()),
        "series": ", ".join(f"{it.node}.{it.name}" for it in run.series if not it.system),
        "readings": ", ".join(sorted({it.name for it in run.series if it.system})),
        **{f"in {tracker}": link for tracker, link in links.items()},
    }
    if any(pairs.values()) or run.notes or run.files:
        heading("Tracked")
        echo_pairs(pairs, indent="  ")
    for note in run.notes:
        click.echo(f"  note by {note.actor or note.node}: {one_line(note.text, NOTE_LENGTH)}")
    if run.files:
        rows: list[list[Cell]] = [[f"{it.node}.{it.name}", it.what, it.path] for it in run.files]
        echo_table(["file", "kind", "in tracked_files"], rows, indent=2)


def tracked_document(run: TrackedRun, links: Mapping[str, str]) -> dict[str, JsonValue]:
    """The same as JSON."""
    notes: list[JsonValue] = [
        {"node": it.node, "actor": it.actor, "at": it.at, "text": it.text} for it in run.notes
    ]  # fmt: skip
    files: list[JsonValue] = [
        {"node": it.node, "what": it.what, "name": it.name, "step": it.step, "uri": it.uri and f"{it.uri}/{it.path}"}
        for it in run.files
    ]
    series: list[JsonValue] = [{"node": it.node, "name": it.name, "system": it.system} for it in run.series]
    chosen: list[JsonValue] = [
        {"node": it.node, "name": it.name, "value": it.text} for it in run.params if it.layer == "executor"
    ]
    return {
        "tags": dict(run.tags),
        "notes": notes,
        "series": series,
        "files": files,
        "params": chosen,
        "trackers": dict(links),
    }
