"""What a Model, an Evaluation and a Schema of any plugin must hold for the registry to read them. The rest is theirs.

- Model: a folder with an `MLmodel` in MLflow's format: `signature` (inputs, outputs), `flavors`, and in
  `metadata.cmcore` the `label` that the model predicts and, where they are known, its `classes`. Without an `MLmodel`
  nothing is known of the interface.
- Evaluation: `evaluation.json` with `overall.metrics`, by name an object of `value`, `low`, `high` and `method`; `rows`
  in `overall`; `level`, the confidence of all intervals (0.95 where nothing is said); `higher_is_better` by metric;
  `model`, the digest of the model that was evaluated; and, where it was compared with another model, `comparison` with
  `baseline`, that model's digest, and `differences` by metric, model minus baseline on the same rows, paired.
- Schema: `schema.yaml` with `columns`, a list of `name`, `type`, `domain` (the only allowed values, if any) and
  `max_missing_share` (0: every row has a value).
- Blessing and InfraBlessing: their properties.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field, JsonValue

from cmcore.document.write import canonical
from cmcore.registry.facts import Column, Measure
from cmcore.registry.payload_documents import Tolerant

MODEL_FILE, EVALUATION_FILE, SCHEMA_FILE = "MLmodel", "evaluation.json", "schema.yaml"
MODEL_BYTES, EVALUATION_BYTES, SCHEMA_BYTES = 10**6, 2**24, 2**22


class Entry(Tolerant):
    """A column of an MLflow signature; one without a name is called by its position."""

    type: str
    name: str = ""
    required: bool = True
    optional: bool = False  # how MLflow said it before `required`
    more: dict[str, JsonValue] = {}

    @classmethod
    def of(cls, raw: JsonValue) -> JsonValue:
        """The entry with what belongs to a structured type apart."""
        if not isinstance(raw, dict):
            return raw
        own = {"type", "name", "required", "optional"}
        more = {key: value for key, value in raw.items() if key not in own}
        return {**{key: value for key, value in raw.items() if key in own}, "more": more}

    @property
    def column(self) -> Column:
        """What callers rely on; structured types (tensors, arrays, objects) are told in full."""
        told = f"{self.type} {canonical(self.more).decode()}" if self.more else self.type
        return Column(type=told, required=self.required and not self.optional)


def _entries(raw: object) -> object:
    """MLflow keeps signatures as JSON in a string."""
    try:
        found = json.loads(raw) if isinstance(raw, str) else raw
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    return [Entry.of(each) for each in found] if isinstance(found, list) else found


Entries = Annotated[list[Entry] | None, BeforeValidator(_entries)]


class Signature(Tolerant):
    """What goes in and what comes out."""

    inputs: Entries = None
    outputs: Entries = None


class Label(Tolerant):
    """What the model predicts, as `metadata.cmcore` of an `MLmodel` says."""

    label: str = ""
    classes: list[JsonValue] = []


class Metadata(Tolerant):
    """The author's own part of an `MLmodel`."""

    cmcore: Label = Label()


class ModelFile(Tolerant):
    """An `MLmodel`."""

    flavors: dict[str, object] = {}
    signature: Signature | None = None
    metadata: Metadata | None = None


class Estimate(Tolerant):
    """A metric or a difference; what is not a finite number is not known."""

    value: float | None
    low: float | None = None
    high: float | None = None
    method: str = ""

    @property
    def measure(self) -> Measure | None:
        """The estimate as a fact; None where there is no value."""
        value, low, high = (_finite(each) for each in (self.value, self.low, self.high))
        return None if value is None else Measure(value=value, low=low, high=high, method=self.method)


class Overall(Tolerant):
    """The metrics over all rows."""

    metrics: dict[str, Estimate]
    rows: int = 0


class Comparison(Tolerant):
    """The model against another one."""

    baseline: str = ""
    differences: dict[str, Estimate] = {}


class EvaluationFile(Tolerant):
    """An `evaluation.json`."""

    model: str = ""
    level: float = 0.95
    overall: Overall
    comparison: Comparison | None = None
    higher_is_better: dict[str, bool] = {}


class SchemaColumn(Tolerant):
    """One column of the data."""

    name: str
    type: str = ""
    max_missing_share: float = 1.0
    domain: list[JsonValue] | None = None


class SchemaFile(Tolerant):
    """A `schema.yaml`."""

    columns: list[SchemaColumn] = Field(max_length=100_000)


def measures(estimates: Mapping[str, Estimate]) -> dict[str, Measure]:
    """The estimates that have a value."""
    return {name: measure for name, estimate in estimates.items() if (measure := estimate.measure)}


def spelled(values: list[JsonValue] | None) -> tuple[str, ...] | None:
    """Allowed values as text: what is no text as JSON writes it."""
    if values is None:
        return None
    return tuple(value if isinstance(value, str) else json.dumps(value, sort_keys=True) for value in values)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
