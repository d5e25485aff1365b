"""Filling a card: from the explanation of a version, its slices, and the properties that people gave. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from pydantic import JsonValue

from cmcore.filters.moment import written
from cmcore.provenance.card import card as parts
from cmcore.provenance.card.card import Card
from cmcore.provenance.why.explanation import Explanation, Records, Step, Training
from cmcore.registry import facts

DESCRIBED = {
    "owner": "who answers for the model",
    "description": "what the model does",
    "intended_use": "what it is for",
    "intended_users": "who is to use it",
    "out_of_scope": "what it is not for",
    "limitations": "where it is known to be weak",
    "ethical_considerations": "whom it may harm, and what is done about it",
    "training_data": "what it has learnt from, beyond what the lineage says",
    "evaluation": "how it was evaluated, beyond what the lineage says",
    "contact": "where to ask",
    "license": "under which license it may be used",
    "references": "papers, pages, tickets",
    "tags": "words to find it by",
}
"""The properties of a model or version that a card shows, and what they are to say."""


def card_of(found: Explanation, slices: Iterable[parts.Slice] = ()) -> Card:
    """The card of a version that has been explained."""
    assert found.records is not None, "a card is one of a version"
    said = properties(found.records)
    return Card(
        model_details=details(found, found.records, said),
        intended_use=parts.IntendedUse(
            primary_intended_uses=text(said, "intended_use"),
            primary_intended_users=text(said, "intended_users"),
            out_of_scope_uses=text(said, "out_of_scope"),
        ),
        limitations=text(said, "limitations"),
        ethical_considerations=text(said, "ethical_considerations"),
        training_data=training_data(found, text(said, "training_data")),
        evaluation=evaluation(found.records.version.facts, tuple(slices), text(said, "evaluation")),
        interface=interface(found.records.version.facts.interface),
        training_procedure=procedure(found.training) if found.training else parts.TrainingProcedure(),
        environment=environment(found.training) if found.training else parts.Environment(),
        governance=governance(found.records),
        provenance=provenance(found, found.records.version.facts),
    )


def properties(records: Records) -> dict[str, JsonValue]:
    """What people said: of the model, and over it what they said of this very version."""
    return {**records.model.properties, **records.version.properties}


def text(said: Mapping[str, JsonValue], name: str) -> str:
    """A property as prose: lists as lines with a dash, anything else that is no text as JSON."""
    match said.get(name):
        case None:
            return ""
        case str(found):
            return found.strip()
        case list(items):
            return "\n".join(f"- {item if isinstance(item, str) else json.dumps(item)}" for item in items)
        case other:
            return json.dumps(other, ensure_ascii=False)


def texts(said: Mapping[str, JsonValue], name: str) -> tuple[str, ...]:
    """A property as a list of words; a text is a list of one."""
    match said.get(name):
        case None | "":
            return ()
        case list(items):
            return tuple(map(str, items))
        case other:
            return (str(other),)


def details(found: Explanation, records: Records, said: Mapping[str, JsonValue]) -> parts.ModelDetails:
    """What the model is."""
    version = records.version
    return parts.ModelDetails(
        name=version.model,
        version=str(version.number),
        description=text(said, "description"),
        owner=text(said, "owner"),
        contact=text(said, "contact"),
        license=text(said, "license"),
        references=(*texts(said, "references"), *(f"{link.rel}: {link.url}" for link in records.links)),
        tags=texts(said, "tags"),
        registered_by=version.actor,
        registered_at=written(version.created_at),
        aliases=version.aliases,
        why_this_number=version.override or version.bump.reason,
        type=found.artifact.type_name if found.artifact else version.facts.type_name,
        flavors=version.facts.flavors,
        size_bytes=version.facts.size_bytes,
    )


def training_data(found: Explanation, description: str) -> parts.TrainingData:
    """What was read from outside, and what each step made of it."""
    sources = [
        parts.DataSource(
            uri=each.artifact.uri,
            digest=each.artifact.digest,
            type=each.artifact.type_name,
            size_bytes=size if isinstance(size := each.artifact.facts.get("size"), int) and size else None,
        )
        for each in found.data
    ]
    steps = found.training.steps if found.training else ()
    told = tuple(step for each in steps if each.node != found_by(found) and (step := data_step(each)))
    return parts.TrainingData(description=description, sources=tuple(sources), steps=told)


def found_by(found: Explanation) -> str:
    """The node that made the model itself."""
    return found.training.node if found.training else ""


def data_step(step: Step) -> parts.DataStep | None:
    """What a step tells of the data; None where that is nothing."""
    told: dict[str, JsonValue] = {}
    for artifact in step.outputs:
        told |= {name: value for name, value in artifact.properties.items() if value not in ("", [], None)}
    if not told and not step.values:
        return None
    return parts.DataStep(
        node=step.node, component=step.component, properties=dict(sorted(told.items())), values=dict(step.values)
    )


def evaluation(found: facts.VersionFacts, slices: tuple[parts.Slice, ...], description: str) -> parts.Evaluation:
    """How good the model is."""
    known = found.evaluation or facts.EvaluationFacts()
    compared = parts.Comparison(baseline=known.baseline, differences=metrics(known.differences, known))
    return parts.Evaluation(
        description=description,
        artifact=known.artifact,
        rows=known.rows,
        level=known.level,
        metrics=metrics(known.metrics, known),
        slices=slices,
        comparison=compared if known.baseline else None,
        blessed=found.blessed,
        infra_blessed=found.infra_blessed,
    )


def metrics(found: Mapping[str, facts.Measure], known: facts.EvaluationFacts) -> tuple[parts.Metric, ...]:
    """Measures in the order of their names."""
    return tuple(
        parts.Metric(
            name=name,
            value=measure.value,
            low=measure.low,
            high=measure.high,
            higher_is_better=known.higher_is_better.get(name),
        )
        for name, measure in sorted(found.items())
    )


def interface(found: facts.Interface) -> parts.Interface:
    """What callers rely on."""
    return parts.Interface(inputs=columns(found.inputs), outputs=columns(found.outputs), target=columns(found.target))


def columns(found: Mapping[str, facts.Column]) -> tuple[parts.Column, ...]:
    """Columns in their order."""
    return tuple(
        parts.Column(name=name, type=column.type, required=column.required, domain=column.domain)
        for name, column in found.items()
    )


def procedure(training: Training) -> parts.TrainingProcedure:
    """How the model was made."""
    return parts.TrainingProcedure(
        pipeline=training.pipeline,
        run=training.run,
        node=training.node,
        trained_by=training.actor,
        trained_at=written(training.at),
        commit=str(training.code_version.get("commit") or ""),
        uncommitted_changes=bool(training.code_version.get("dirty")),
        parameters={name: each.value for name, each in training.parameters.items()},
        steps=tuple(
            parts.TrainingStep(
                node=step.node, component=step.component, code=step.code, parameters=dict(step.parameters)
            )
            for step in training.steps
        ),
    )


def environment(training: Training) -> parts.Environment:
    """With what it was made."""
    then = training.environment
    if then is None:
        return parts.Environment()
    return parts.Environment(
        python=f"{then.implementation} {then.python}",
        platform=then.platform,
        packages=then.packages,
        digest=then.digest,
    )


def governance(records: Records) -> parts.Governance:
    """Who let it in."""
    return parts.Governance(
        approvals=tuple(
            parts.Approval(
                environment=said.environment,
                verdict=said.verdict.value,
                actor=said.actor,
                at=written(said.at),
                reason=said.reason,
                expires_at=written(said.expires_at) if said.expires_at else "",
            )
            for said in records.approvals
        ),
        promotions=tuple(
            parts.Promotion(alias=move.alias, actor=move.actor, at=written(move.at), reason=move.reason)
            for move in records.moves
            if move.version == records.version.number
        ),
    )


def provenance(found: Explanation, known: facts.VersionFacts) -> parts.Provenance:
    """The ids by which everything can be looked up."""
    made_by = [
        step.execution
        for step in (found.training.steps if found.training else ())
        if found.artifact and any(each.name == found.artifact.name for each in step.outputs)
    ]
    return parts.Provenance(
        digest=known.digest,
        uri=known.uri,
        artifact=known.artifact,
        evaluation=known.evaluation.artifact if known.evaluation else "",
        run=known.origin.run,
        execution=next(iter(made_by), ""),
    )
