"""Card: a model card as a value. Sections follow Mitchell et al., "Model Cards for Model Reporting" (2019).

Where a section comes from is `filling`'s affair, how it looks the templates'.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, JsonValue

CARD_VERSION: Literal[1] = 1


class Section(BaseModel):
    """A part of a card: immutable, unknown keys refused, NaN kept."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants", protected_namespaces=())


class ModelDetails(Section):
    """What the model is, and who answers for it."""

    name: str
    version: str
    description: str = ""
    owner: str = ""
    contact: str = ""
    license: str = ""
    references: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    registered_by: str = ""
    registered_at: str = ""
    aliases: tuple[str, ...] = ()
    why_this_number: str = ""
    type: str = ""
    flavors: tuple[str, ...] = ()
    size_bytes: int = 0


class IntendedUse(Section):
    """What the model is for, for whom, and for what it is not."""

    primary_intended_uses: str = ""
    primary_intended_users: str = ""
    out_of_scope_uses: str = ""


class DataSource(Section):
    """Data that training read from outside."""

    uri: str
    digest: str
    type: str = ""
    size_bytes: int | None = None


class DataStep(Section):
    """What a step made of the data: properties of its artifacts (spans, splits), values it gave (rows)."""

    node: str
    component: str
    properties: dict[str, JsonValue] = {}
    values: dict[str, JsonValue] = {}


class TrainingData(Section):
    """What the model has learnt from; `description` is what people say of it."""

    description: str = ""
    sources: tuple[DataSource, ...] = ()
    steps: tuple[DataStep, ...] = ()


class Metric(Section):
    """A metric with the bounds of its confidence interval, where they are known."""

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    higher_is_better: bool | None = None


class Slice(Section):
    """The metrics of the rows for which some columns have these values."""

    of: dict[str, str]
    rows: int = 0
    metrics: tuple[Metric, ...] = ()


class Comparison(Section):
    """The model against another one on the same rows: model minus baseline."""

    baseline: str
    differences: tuple[Metric, ...] = ()


class Evaluation(Section):
    """How good the model is: overall, by slice, against a baseline, and by the judgement of its pipeline."""

    description: str = ""
    artifact: str = ""
    rows: int = 0
    level: float = 0.95
    metrics: tuple[Metric, ...] = ()
    slices: tuple[Slice, ...] = ()
    comparison: Comparison | None = None
    blessed: bool | None = None
    infra_blessed: bool | None = None


class Column(Section):
    """A column of the model's input or output."""

    name: str
    type: str
    required: bool = True
    domain: tuple[str, ...] | None = None


class Interface(Section):
    """What callers send and get."""

    inputs: tuple[Column, ...] = ()
    outputs: tuple[Column, ...] = ()
    target: tuple[Column, ...] = ()


class TrainingStep(Section):
    """One node of the training pipeline."""

    node: str
    component: str
    code: str = ""
    parameters: dict[str, JsonValue] = {}


class TrainingProcedure(Section):
    """How the model was made."""

    pipeline: str = ""
    run: str = ""
    node: str = ""
    trained_by: str = ""
    trained_at: str = ""
    commit: str = ""
    uncommitted_changes: bool = False
    parameters: dict[str, JsonValue] = {}
    steps: tuple[TrainingStep, ...] = ()


class Environment(Section):
    """With what the model was made."""

    python: str = ""
    platform: str = ""
    packages: tuple[str, ...] = ()
    digest: str = ""


class Approval(Section):
    """One person's word."""

    environment: str
    verdict: str
    actor: str
    at: str
    reason: str = ""
    expires_at: str = ""


class Promotion(Section):
    """A move of an alias to this version."""

    alias: str
    actor: str
    at: str
    reason: str = ""


class Governance(Section):
    """Who let the version in."""

    approvals: tuple[Approval, ...] = ()
    promotions: tuple[Promotion, ...] = ()


class Provenance(Section):
    """Where everything can be looked up: the ids that lineage and registry know."""

    digest: str
    uri: str = ""
    artifact: str = ""
    evaluation: str = ""
    run: str = ""
    execution: str = ""


class Card(Section):
    """A model card."""

    card_version: Literal[1] = CARD_VERSION
    model_details: ModelDetails
    intended_use: IntendedUse = IntendedUse()
    limitations: str = ""
    ethical_considerations: str = ""
    training_data: TrainingData = TrainingData()
    evaluation: Evaluation = Evaluation()
    interface: Interface = Interface()
    training_procedure: TrainingProcedure = TrainingProcedure()
    environment: Environment = Environment()
    governance: Governance = Governance()
    provenance: Provenance


def missing(card: Card) -> tuple[str, ...]:
    """What a complete card must say and this one does not: names of properties that people give, then of sections.

    Training data that no lineage knows may be described instead (`training_data`).
    """
    said = {
        "owner": card.model_details.owner,
        "description": card.model_details.description,
        "intended_use": card.intended_use.primary_intended_uses,
        "limitations": card.limitations,
        "training_data": card.training_data.sources or card.training_data.description,
        "evaluation": card.evaluation.metrics or card.evaluation.description,
        "interface": card.interface.inputs,
    }
    return tuple(name for name, value in said.items() if not value)
