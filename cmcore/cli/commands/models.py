"""`cm models`: models, versions of a model, one version with its evidence. What is told is the registry's."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from cmcore.cli.invocation import Invocation

if TYPE_CHECKING:
    from pydantic import JsonValue

    from cmcore.cli.output import Cell
    from cmcore.registry.names import Reference
    from cmcore.registry.store import Registry
    from cmcore.registry.values import Finding, ModelVersion

METRICS_SHOWN = 3


@click.command()
@click.argument("reference", metavar="[MODEL[@VERSION]]", default=None)
@click.option("--where", default="", metavar="FILTER", help="Only versions for which it holds.")
@click.option("--order-by", default="", metavar="FIELD [desc]", help="Order of versions.  [default: the newest first]")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000), metavar="N", help="At most N.")
@click.option("--json", "as_json", is_flag=True, help="JSON, with everything that is known.")
@click.pass_context
def models(context: click.Context, reference: str | None, where: str, order_by: str, limit: int, as_json: bool) -> None:
    """List, show and search models and versions.

    Without an argument all models, with a model its versions, with a version (MODEL@1.2.0, MODEL@production,
    MODEL@latest) all about it: why it has its number, approvals, notes, links.

    A filter compares metrics.NAME, properties.NAME, alias, data (URI or digest of imported data), level, run, digest,
    uri, actor, blessed, created, version and model by = != < <= > >= like in exists, joined by and, or, not.

    \b
    Examples:
      cm models
      cm models flights --where 'metrics.auc > 0.8 and created > "7 days ago"' --order-by 'metrics.auc desc'
      cm models --where 'data = "flights.csv"'
      cm models flights@production --json

    \b
    Exit codes: 0 listed, 64 the filter or the name cannot be read, 66 not found.
    """
    from cmcore.cli.output import echo_json
    from cmcore.registry.documents import version_document
    from cmcore.registry.names import Reference

    asked = None if reference is None else Reference.parse(reference)
    with (context.find_object(Invocation) or Invocation()).project() as project:
        registry = project.registry
        if asked and (asked.version or asked.alias):
            show_version(registry, asked, as_json=as_json)
        elif asked or where or order_by:
            found = searched(registry, asked.model if asked else "", where, order_by, limit)
            if as_json:
                echo_json([version_document(version) for version in found])
            else:
                list_versions(registry, asked, found)
        else:
            list_models(registry, as_json=as_json)


def searched(registry: Registry, model: str, where: str, order_by: str, limit: int) -> list[ModelVersion]:
    """The versions that are asked for; an unknown model is an error, not an empty list."""
    from cmcore.filters.parse import parse

    condition = parse(where) if where else None
    if model:
        registry.model(model)
    return registry.versions(model, condition, order_by=order_by, limit=limit)


def list_models(registry: Registry, *, as_json: bool) -> None:
    """All models."""
    from cmcore.cli.output import echo_json, echo_table
    from cmcore.cli.view.wording import ago
    from cmcore.registry.documents import model_document

    known = [
        (model, next(iter(registry.versions(model.name, limit=1)), None), registry.aliases(model.name))
        for model in registry.models()
    ]
    if as_json:
        echo_json([model_document(*each) for each in known])
    elif not known:
        click.echo("no models yet; make one of a run: cm register")
    else:
        rows = [
            [
                model.name,
                str(newest.number) if newest else "",
                ", ".join(f"{alias.name} {alias.version}" for alias in aliases),
                model.actor,
                ago(time.time() - model.created_at),
            ]
            for model, newest, aliases in known
        ]
        echo_table(["model", "newest", "aliases", "by", "created"], rows)


def list_versions(registry: Registry, asked: Reference | None, found: list[ModelVersion]) -> None:
    """Versions as a table."""
    from cmcore.cli.output import echo_table

    if not found:
        click.echo("no versions")
        return
    primary = str(registry.model(asked.model).properties.get("primary_metric", "")) if asked else ""
    now = time.time()
    heads = ["version", "level", "aliases", "blessed", "infra", "metrics", "run", "by", "created"]
    echo_table(heads, [version_row(version, primary, now, named=asked is None) for version in found])


def version_row(version: ModelVersion, primary: str, now: float, *, named: bool) -> list[Cell]:
    """One line of the table."""
    from cmcore.cli.view.wording import ago

    blessed: dict[bool | None, Cell] = {True: ("yes", "green"), False: ("no", "red"), None: ""}
    return [
        str(version) if named else str(version.number),
        version.level.value,
        ", ".join(version.aliases),
        blessed[version.facts.blessed],
        blessed[version.facts.infra_blessed],
        key_metrics(version, primary),
        version.facts.origin.run,
        version.actor,
        ago(now - version.created_at),
    ]


def key_metrics(version: ModelVersion, primary: str) -> str:
    """A few metrics, the one that decides first."""
    from cmcore.cli.view.wording import number

    metrics = version.facts.evaluation.metrics if version.facts.evaluation else {}
    names = sorted(metrics, key=lambda name: (name != primary, name))
    return ", ".join(f"{name} {number(metrics[name].value)}" for name in names[:METRICS_SHOWN])


def show_version(registry: Registry, asked: Reference, *, as_json: bool) -> None:
    """All about one version."""
    from cmcore.cli.output import echo_json
    from cmcore.registry import documents

    version = registry.version(asked)
    exact = version.reference
    approvals, notes, links = registry.approvals(exact), registry.notes(exact), registry.links(exact)
    if as_json:
        echo_json(
            {
                **documents.version_document(version),
                "approvals": [documents.approval_document(approval) for approval in approvals],
                "notes": [documents.note_document(note) for note in notes],
                "links": [documents.link_document(link) for link in links],
            }
        )
        return
    show_facts(version)
    show_bump(version)
    show_words(
        {f"{it.actor} {it.verdict.value} it for {it.environment}": until(it.reason, it.expires_at) for it in approvals},
        "Approvals",
    )
    show_words({name: written(value) for name, value in version.properties.items()}, "Properties")
    show_words({link.rel: link.url for link in links}, "Links")
    show_words({f"{note.actor}, {day(note.at)}": note.text for note in notes}, "Notes")


def show_facts(version: ModelVersion) -> None:
    """Where a version is, where it comes from, how good it is."""
    from cmcore.cli.output import echo_pairs, echo_table, heading
    from cmcore.cli.view.wording import number, one_line, size

    facts = version.facts
    words = {True: "yes", False: "no", None: ""}
    click.echo(click.style(str(version), bold=True))
    pairs = {
        "aliases": ", ".join(version.aliases),
        "registered": f"{day(version.created_at)} by {version.actor}",
        "run": f"{facts.origin.run} (node {facts.origin.node})" if facts.origin.run else "",
        "type": " ".join([facts.type_name, *facts.flavors]),
        "size": size(facts.size_bytes) if facts.size_bytes else "",
        "digest": facts.digest,
        "uri": facts.uri,
        "blessed": words[facts.blessed],
        "infra": words[facts.infra_blessed],
        "data": ", ".join(facts.origin.data),
        **{f"{part} by": name for part, name in facts.evidence.items()},
    }
    echo_pairs({name: one_line(text, 2000) for name, text in pairs.items()})
    if facts.evaluation and facts.evaluation.metrics:
        heading("Metrics")
        bounds = ["" if it is None else number(it) for m in facts.evaluation.metrics.values() for it in (m.low, m.high)]
        rows = [
            [name, number(measure.value), *bounds[2 * place : 2 * place + 2]]
            for place, (name, measure) in enumerate(facts.evaluation.metrics.items())
        ]
        echo_table(["metric", "value", "low", "high"], rows)


def show_bump(version: ModelVersion) -> None:
    """Why it has its number."""
    from cmcore.cli.output import heading
    from cmcore.cli.view.wording import one_line

    bump = version.bump
    heading(f"Why {version.number}")
    click.echo(f"{bump.level.value}: {one_line(bump.reason, 2000)}")
    if version.override:
        click.echo(f"{version.level.value} was taken instead, because: {one_line(version.override, 2000)}")
    for finding in bump.findings:
        show_finding(finding)


def show_finding(finding: Finding) -> None:
    """One thing that was looked at."""
    from cmcore.cli.view.wording import one_line

    sign = click.style("✔", fg="green") if finding.holds else click.style("✘", fg="red")
    click.echo(f"  {sign} {one_line(finding.rule)}: {one_line(finding.found, 2000)}")


def show_words(pairs: dict[str, str], title: str) -> None:
    """What people said, under a heading, if they said something."""
    from cmcore.cli.output import echo_pairs, heading
    from cmcore.cli.view.wording import one_line

    if pairs:
        heading(title)
        echo_pairs({one_line(name): one_line(text, 2000) or "(no reason)" for name, text in pairs.items()})


def until(reason: str, expires_at: float | None) -> str:
    """A reason, and until when it counts."""
    end = f"counts until {day(expires_at)}" if expires_at else ""
    return "; ".join(filter(None, [reason, end]))


def day(seconds: float) -> str:
    """A point in time."""
    from cmcore.filters.moment import written as moment

    return moment(seconds)


def written(value: JsonValue) -> str:
    """A property on one line."""
    import json

    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
