"""VersionFacts: everything about a version that rules, gates, searches and cards read. Values; gathered elsewhere."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, JsonValue


class Fact(BaseModel):
    """A part of the facts: immutable, unknown keys refused, NaN kept."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")


class Measure(Fact):
    """A metric with the bounds of its confidence interval, where they are known, and how those were found."""

    value: float
    low: float | None = None
    high: float | None = None
    method: str = ""


class Column(Fact):
    """One column of the model's input, output or target; `domain` lists its only allowed values.

    `type` is empty where it is not known. `required` says that callers must send a value.
    """

    type: str
    required: bool = True
    domain: tuple[str, ...] | None = None


class Interface(Fact):
    """What callers rely on: raw input columns, outputs, and what is predicted (the label, its type and classes).

    `schema_digest` is that of the Schema which the domains are from: without one, no domain means that none is known.
    """

    inputs: dict[str, Column] = {}
    outputs: dict[str, Column] = {}
    target: dict[str, Column] = {}
    schema_digest: str = ""


class EvaluationFacts(Fact):
    """Metrics of the model, and against a baseline: `differences` are model minus baseline on the same rows, paired.

    `baseline` is the payload digest of the model it was compared with; `rows` how many rows were compared; `level`
    the confidence of all intervals.
    """

    artifact: str = ""
    metrics: dict[str, Measure] = {}
    baseline: str = ""
    differences: dict[str, Measure] = {}
    rows: int = 0
    level: float = 0.95
    higher_is_better: dict[str, bool] = {}


class Origin(Fact):
    """What the version was made from, by digests: `steps` are training's nodes (digest of the code, a blank, digest of
    the parameters), `data` what was imported (URI to digest). Empty where the model was not made by a recorded run.

    `parameters` are those of the steps, `STEP.NAME` to the beginning of the value as JSON: for people to read.
    """

    run: str = ""
    node: str = ""
    pipeline: str = ""
    steps: dict[str, str] = {}
    parameters: dict[str, str] = {}
    data: dict[str, str] = {}
    commit: str = ""
    environment: str = ""


class VersionFacts(Fact):
    """All of it. `digest` is the model's payload digest; `artifact` its name in the lineage; `type_name` its type as
    documents write it (`Model`, `package.module:Type`);
    `evidence` the artifacts that spoke for it, by the part that each plays (evaluation, blessing, ...)."""

    digest: str
    uri: str = ""
    artifact: str = ""
    type_name: str = "Model"
    flavors: tuple[str, ...] = ()
    size_bytes: int = 0
    interface: Interface = Interface()
    evaluation: EvaluationFacts | None = None
    blessed: bool | None = None
    infra_blessed: bool | None = None
    origin: Origin = Origin()
    scan: dict[str, JsonValue] = {}
    evidence: dict[str, str] = {}
