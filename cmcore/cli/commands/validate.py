"""`cm validate`: documents are checked and their problems listed. What a problem is, is decided where they are read."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from cmcore.cli.invocation import Invocation

WRONG = 65


@click.command()
@click.argument("paths", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="All problems as one JSON list.")
@click.pass_context
def validate(context: click.Context, paths: tuple[Path, ...], as_json: bool) -> None:
    """Check documents; show every problem at its line.

    Pipelines, component specs, projects, policies and endpoints are told apart by their kind. Names, types, edges and
    parameter values are checked as for a run, but nothing is run; the options of plugins in a project by what the
    plugins say; an endpoint against what its backend can do (cm deploy --dry-run looks its versions up too). A folder
    stands for all YAML documents in it; Python pipelines can be checked too.

    \b
    Each problem is one line:
      flights.yaml:7:5: unknown key 'inputz' @ $.nodes.train (did you mean 'inputs'?)

    \b
    Examples:
      cm validate flights.yaml cm.yaml
      cm validate component_specs

    \b
    Exit codes: 0 all is well, 65 there are problems.
    """
    from cmcore.cli.border import problem_line
    from cmcore.cli.documents import files_in, problems_in
    from cmcore.cli.output import echo_json
    from cmcore.cli.view.wording import plural

    with (context.find_object(Invocation) or Invocation()).project() as project:
        found = {file: problems_in(project, file) for file in files_in(paths)}
    problems = list(dict.fromkeys(problem for each in found.values() for problem in each))
    if as_json:
        echo_json([asdict(problem) for problem in problems])
    else:
        for problem in problems:
            click.echo(problem_line(problem))
        bad = sum(bool(each) for each in found.values())
        count = f"{plural(len(problems), 'problem')} in {bad} of " if problems else "no problems in "
        click.echo(f"{count}{plural(len(found), 'file')}", err=bool(problems))
    context.exit(WRONG if problems else 0)
