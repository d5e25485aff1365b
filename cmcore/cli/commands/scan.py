"""`cm scan`: what files of a model are, and whether loading them is safe. What is safe, `cmcore.scanning` decides."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cmcore.cli.invocation import Invocation

if TYPE_CHECKING:
    from cmcore.scanning.finding import ScanReport
    from cmcore.stack import Project

COLORS = {"safe": "green", "unknown": "yellow", "refused": "red"}
ALLOWABLE = ("pickle", "code", "opaque")


@click.command()
@click.argument("what", metavar="PATH|MODEL@REF|ARTIFACT")
@click.option(
    "--allow",
    multiple=True,
    type=click.Choice(ALLOWABLE),
    help="Let this pass, as an artifact type may; may be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="The report as JSON.")
@click.pass_context
def scan(context: click.Context, *, what: str, allow: Sequence[str], as_json: bool) -> None:
    """Say what model files are, and whether loading them is safe.

    Files are known by their bytes, whatever they are called: pickles of every kind (also joblib's, torch's, NumPy's,
    inside archives of archives), code, archives that would write elsewhere, ONNX models that read elsewhere. Nothing is
    loaded, imported or unpacked. A registered version or an artifact is scanned with what its type allows; a path with
    nothing allowed but --allow.

    \b
    Examples:
      cm scan downloads/model
      cm scan flights@production --json
      cm scan flights-20260729-101500-ab12/trainer/model

    \b
    Exit codes: 0 safe, 66 no such thing, 74 it cannot be read, 77 something must not be loaded.
    """
    from cmcore.cli.output import echo_json
    from cmcore.errors import RefusedError
    from cmcore.scanning.scan import scan_folder

    if os.path.lexists(what):
        report = scan_folder(Path(what), allowed=allow)
    else:
        with (context.find_object(Invocation) or Invocation()).project() as project:
            folder, allowed = recorded(project, what)
            report = scan_folder(folder, allowed={*allowed, *allow})
    if as_json:
        echo_json(report.document())
        context.exit(0 if report.safe else RefusedError.exit_code)
    show(report)
    if not report.safe:
        raise RefusedError(report.refusal(what))  # the table has the reasons


def recorded(project: Project, what: str) -> tuple[Path, Sequence[str]]:
    """The folder of a version or an artifact, and what its type allows; raises NotFoundError, StorageError."""
    from cmcore.cli.naming import artifact_named
    from cmcore.provenance.why.gathering import version_meant
    from cmcore.registry.evidence import Readable

    reference = version_meant(what, project.registry)
    named = project.registry.version(reference).facts.artifact if reference else what
    model = Readable.recorded(artifact_named(named, project.lineage), project.payloads)
    return model.payload.path, model.allowed


def show(report: ScanReport) -> None:
    """The report as a table."""
    from cmcore.cli.output import Cell, echo_table

    rows: list[list[Cell]] = [
        [file.path, file.format, (file.verdict.value, COLORS[file.verdict.value]), file.reason] for file in report.files
    ]
    if rows:
        echo_table(["file", "format", "verdict", ""], rows)
    else:
        click.echo("no files")
