"""cmcore's registry as a side of the comparison."""

from __future__ import annotations

import time

import sqlalchemy as sa

from benchmarks.registry_versions import ALIAS, MODEL, Sample, threshold
from cmcore.filters.parse import parse
from cmcore.registry import catalogue, remarks
from cmcore.registry.facts import EvaluationFacts, Measure, Origin, VersionFacts
from cmcore.registry.names import Reference, VersionNumber
from cmcore.registry.store import Registry
from cmcore.registry.tables import PROPERTIES, REGISTRY_BRANCH, VERSIONS
from cmcore.registry.values import Bump, Level, Model, ModelVersion
from cmcore.state.database import StateDatabase
from cmcore.state.migration import STATE_BRANCH

BUMP = Bump(level=Level.PIPELINE, reason="written in bulk")


class Ours:
    """A registry in a fresh database."""

    def __init__(self, url: str) -> None:
        self.database = StateDatabase.open(url, branches=[STATE_BRANCH, REGISTRY_BRANCH])
        self.registry = Registry(self.database, actor="ada")
        self.count = 0
        self.above = ""

    def fill(self, count: int) -> None:
        """The rows that `register` and `describe` write, without their events and entries in the log."""
        self.count, self.above = count, f"metrics.auc > {threshold(count)}"
        with self.database.writing() as connection:
            catalogue.add_model(connection, Model(name=MODEL, created_at=time.time(), actor="ada"))
            for number in range(count):
                catalogue.add_version(connection, version(number))
            ids = connection.execute(sa.select(VERSIONS.c.id, VERSIONS.c.pipeline)).all()
            rows = [remarks.property_row(own, "band", Sample(number=number).band) for own, number in ids]
            connection.execute(sa.insert(PROPERTIES), rows)
        last = Reference(model=MODEL, version=VersionNumber(1, 0, count - 1))
        self.registry.set_alias(last, ALIAS, over=0)

    def register(self, sample: Sample) -> int:
        return int(self.registry.register(MODEL, facts(sample)).created)

    def alias(self) -> int:
        return len([self.registry.version(Reference(model=MODEL, alias=ALIAS))])

    def band(self) -> int:
        return self._found('properties.band = "7"')

    def metric(self) -> int:
        return self._found(self.above)

    def everything(self) -> int:
        return len(self.registry.versions(MODEL, limit=10 * self.count))

    def _found(self, text: str) -> int:
        return len(self.registry.versions(MODEL, parse(text), limit=self.count))


def version(number: int) -> ModelVersion:
    """A version whose last part is its number."""
    return ModelVersion(
        model=MODEL,
        number=VersionNumber(1, 0, number),
        facts=facts(Sample(number=number)),
        bump=BUMP,
        created_at=time.time(),
        actor="ada",
    )


def facts(sample: Sample) -> VersionFacts:
    """What is known of a version."""
    metrics = {name: Measure(value=value) for name, value in sample.metrics.items()}
    return VersionFacts(
        digest=sample.digest,
        uri=sample.uri,
        evaluation=EvaluationFacts(metrics=metrics, higher_is_better=dict.fromkeys(metrics, True)),
        origin=Origin(run=sample.run, node="train"),
    )
