"""`cm register`: a recorded model becomes a version. Evidence, number and findings are the registry's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cmcore.cli.invocation import Invocation

if TYPE_CHECKING:
    from cmcore.registry.gather import Candidate, EvidenceArtifacts
    from cmcore.registry.preview import Outcome
    from cmcore.stack import Project

LEVELS = ("major", "minor", "pipeline")


@click.command()
@click.argument("artifact", metavar="ARTIFACT")
@click.option("--as", "name", default="", metavar="NAME", help="The model's name; by default that of its pipeline.")
@click.option("--evaluation", default="", metavar="ARTIFACT", help="Its evaluation, instead of the newest one.")
@click.option("--blessing", default="", metavar="ARTIFACT", help="Its blessing, instead of the newest one.")
@click.option("--schema", default="", metavar="ARTIFACT", help="The schema of its data, instead of the nearest one.")
@click.option("--level", type=click.Choice(LEVELS), help="Take this level, whatever is computed.")
@click.option("--reason", default="", metavar="TEXT", help="Why another level is taken.")
@click.option("--dry-run", is_flag=True, help="Say what the version would be; change nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, with every finding.")
@click.pass_context
def register(
    context: click.Context,
    *,
    artifact: str,
    name: str,
    evaluation: str,
    blessing: str,
    schema: str,
    level: str | None,
    reason: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Make a model of a run a version, its number computed.

    The number is MAJOR.MINOR.PIPELINE: MAJOR goes up where callers of the newest version would break, MINOR where the
    evaluation proves a gain over it, PIPELINE otherwise. The table shows what was looked at. The same bytes are the
    same version; evaluations and blessings that are newer than its own become its own.

    ARTIFACT is RUN/NODE/OUTPUT, an artifact's name or URI, or the beginning of its digest. Its evaluation, blessing
    and schema are found in the lineage.

    \b
    Examples:
      cm register flights-20260729-101500-ab12/trainer/model
      cm register sha256:5ad6187 --as flights --dry-run
      cm register sha256:5ad6187 --level major --reason "the label now counts diverted flights"

    \b
    Exit codes: 0 registered or known already, 64 another level without a reason, or evidence about another model,
    65 a payload that is not what it should be, 66 no such artifact, 74 changed or lost bytes, 77 not safe to load.
    """
    from cmcore.registry.preview import Outcome, foreseen
    from cmcore.registry.values import Level

    with (context.find_object(Invocation) or Invocation()).changing() as project:
        found = named_candidate(project, artifact, evaluation=evaluation, blessing=blessing, schema=schema)
        wanted, called = Level(level) if level else None, name or found.name
        if dry_run:
            outcome = foreseen(project.registry, called, found.facts, level=wanted, reason=reason)
        else:
            outcome = Outcome.of(project.registry.register(called, found.facts, level=wanted, reason=reason))
    tell = echo_outcome if as_json else show
    tell(outcome, found.evidence, dry_run=dry_run)


def named_candidate(project: Project, model: str, **evidence: str) -> Candidate:
    """The model and the evidence that the command line names; what it does not name is found. Raises NotFoundError."""
    from cmcore.cli.naming import artifact_named
    from cmcore.registry.gather import EvidenceArtifacts
    from cmcore.stack.governance import candidate_of

    store = project.lineage
    named = {part: artifact_named(name, store) for part, name in evidence.items() if name}
    return candidate_of(project, artifact_named(model, store), EvidenceArtifacts(**named))


def show(outcome: Outcome, evidence: EvidenceArtifacts, *, dry_run: bool) -> None:
    """The version, and why it has this number."""
    from cmcore.cli.output import Cell, echo_pairs, echo_table, heading

    version = click.style(f"{outcome.model}@{outcome.number}", bold=True)
    if outcome.known:
        click.echo(f"known: this very model is {version}")
        if outcome.reevaluated:
            click.echo(f"its evidence {'would be' if dry_run else 'is now'} the newer one")
    else:
        over = f", {outcome.level} over {outcome.bump.over}" if outcome.bump.over else ""
        click.echo(f"{'would register' if dry_run else 'registered'} {version}{over}")
    if outcome.override:
        click.echo(f"overridden: {outcome.override}\n{outcome.bump.level} was computed: {outcome.bump.reason}")
    else:
        click.echo(outcome.bump.reason)
    if outcome.bump.findings:
        heading("Findings")
        rows: list[list[Cell]] = [
            ["yes" if each.holds else ("no", "yellow"), each.rule, each.found] for each in outcome.bump.findings
        ]
        echo_table(["holds", "rule", "found"], rows, indent=2)
    if (outcome.reevaluated or not outcome.known) and (names := evidence.names()):
        heading("Read from")
        echo_pairs(names, indent="  ")


def echo_outcome(outcome: Outcome, evidence: EvidenceArtifacts, *, dry_run: bool) -> None:
    """The same for programs."""
    from cmcore.cli.output import echo_json

    echo_json(
        {
            "model": outcome.model,
            "version": str(outcome.number),
            "created": not outcome.known and not dry_run,
            "known": outcome.known,
            "reevaluated": outcome.reevaluated,
            "level": outcome.level.value,
            "computed": outcome.bump.level.value,
            "reason": outcome.bump.reason,
            "override": outcome.override,
            "over": str(outcome.bump.over or ""),
            "findings": [
                {"rule": each.rule, "holds": each.holds, "found": each.found} for each in outcome.bump.findings
            ],
            "evidence": evidence.names() if outcome.reevaluated or not outcome.known else {},
        }
    )
