"""Models and versions as rows: adding them, and reading them back as values. Which to add is decided in `store`."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa
from pydantic import JsonValue, TypeAdapter

from cmcore.document.wording import did_you_mean
from cmcore.errors import NotFoundError
from cmcore.registry.facts import Measure, VersionFacts
from cmcore.registry.names import LATEST, Reference, VersionNumber
from cmcore.registry.tables import ALIASES, DATA, METRICS, MODELS, PROPERTIES, VERSIONS
from cmcore.registry.texts import URL_MAX, checked_line
from cmcore.registry.values import Bump, Model, ModelVersion

BUMPS: TypeAdapter[Bump] = TypeAdapter(Bump)
INSERT_UNLESS_THERE = sa.text(
    "INSERT INTO registry_models (name, created_at, actor, properties) VALUES (:name, :created_at, :actor, :properties)"
    " ON CONFLICT (name) DO NOTHING"
)
BY_NUMBER = (VERSIONS.c.major, VERSIONS.c.minor, VERSIONS.c.pipeline)
PROPOSED = 3
PAGE = 10_000


def add_model(connection: sa.Connection, model: Model) -> bool:
    """Add a model unless there is one of that name; whether it was added."""
    row = {"name": model.name, "created_at": model.created_at, "actor": model.actor}
    row["properties"] = json.dumps(dict(model.properties), sort_keys=True)
    return connection.execute(INSERT_UNLESS_THERE, row).rowcount == 1


def model_in(connection: sa.Connection, name: str, *, lock: bool = False) -> Model:
    """A model by name, else NotFoundError; with `lock`, nobody else changes it or its versions until we end."""
    model = model_or_none(connection, name, lock=lock)
    if model is None:
        names = connection.execute(sa.select(MODELS.c.name).limit(1000)).scalars()
        raise NotFoundError(f"there is no model {name!r}{did_you_mean(name, names)}; cm models lists them")
    return model


def model_or_none(connection: sa.Connection, name: str, *, lock: bool = False) -> Model | None:
    """A model by name, if there is one; `lock` as for `model_in`."""
    query = sa.select(MODELS).where(MODELS.c.name == name)
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    return model_of(row) if row else None


def model_of(row: sa.RowMapping) -> Model:
    """The row as a model."""
    return Model(**{**row, "properties": json.loads(row["properties"])})


def set_model_properties(connection: sa.Connection, name: str, properties: Mapping[str, JsonValue]) -> None:
    """Let the model have these properties and no others."""
    text = json.dumps(dict(properties), sort_keys=True)
    connection.execute(sa.update(MODELS).where(MODELS.c.name == name).values(properties=text))


def add_version(connection: sa.Connection, version: ModelVersion) -> None:
    """Add a version and everything that it is found by."""
    facts = version.facts
    check_names(facts)
    inserted = connection.execute(
        sa.insert(VERSIONS)
        .values(
            model=version.model,
            major=version.number.major,
            minor=version.number.minor,
            pipeline=version.number.pipeline,
            version=str(version.number),
            level=version.level.value,
            digest=facts.digest,
            uri=facts.uri,
            run=facts.origin.run,
            blessed=searched(facts.blessed),
            created_at=version.created_at,
            actor=version.actor,
            facts=facts.model_dump_json(),
            bump=BUMPS.dump_json(version.bump).decode(),
            override=version.override,
        )
        .returning(VERSIONS.c.id)
    ).scalar_one()
    add_metrics(connection, inserted, facts)
    add_all(connection, DATA, data_rows(inserted, facts))


def set_evidence(connection: sa.Connection, version: ModelVersion) -> None:
    """Let a version have the facts that it has now, and be found by their metrics and blessing."""
    check_names(version.facts)
    own = id_of(connection, version)
    values = {"facts": version.facts.model_dump_json(), "blessed": searched(version.facts.blessed)}
    connection.execute(sa.update(VERSIONS).where(VERSIONS.c.id == own).values(**values))
    connection.execute(sa.delete(METRICS).where(METRICS.c.version_id == own))
    add_metrics(connection, own, version.facts)


def searched(blessed: bool | None) -> str | None:
    """A blessing as searches compare it."""
    return None if blessed is None else str(blessed).lower()


def add_metrics(connection: sa.Connection, version_id: int, facts: VersionFacts) -> None:
    """Add the rows by which a version's metrics are found."""
    add_all(connection, METRICS, [metric_row(version_id, *item) for item in metrics_of(facts).items()])


def check_names(facts: VersionFacts) -> None:
    """Raise UsageError for names and addresses that no row takes, or that nobody could read."""
    checked_line("the version's digest", facts.digest)
    for what, text in (("URI", facts.uri), ("artifact", facts.artifact), ("run", facts.origin.run)):
        if text:
            checked_line(f"the version's {what}", text, longest=URL_MAX)
    for name in metrics_of(facts):
        checked_line("a metric's name", name)


def add_all(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Add rows, if there are any."""
    if rows:
        connection.execute(sa.insert(table), rows)


def metrics_of(facts: VersionFacts) -> Mapping[str, Measure]:
    """The metrics of the version's own evaluation."""
    return facts.evaluation.metrics if facts.evaluation else {}


def metric_row(version_id: int, name: str, measure: Measure) -> dict[str, object]:
    """A metric as a row; what is not finite compares with nothing, so it is NULL."""
    numbers = {"number": measure.value, "low": measure.low, "high": measure.high}
    known = {key: value if value is not None and math.isfinite(value) else None for key, value in numbers.items()}
    return {"version_id": version_id, "name": name, **known}


def data_rows(version_id: int, facts: VersionFacts) -> list[dict[str, object]]:
    """URIs and digests of what was imported, each once; an index takes none of extreme length."""
    pairs = facts.origin.data.items()
    texts = dict.fromkeys(text for pair in pairs for text in pair if 0 < len(text) <= URL_MAX and "\0" not in text)
    return [{"version_id": version_id, "place": place, "text": text} for place, text in enumerate(texts)]


def newest(connection: sa.Connection, model: str) -> ModelVersion | None:
    """The version with the greatest number."""
    query = sa.select(VERSIONS).where(VERSIONS.c.model == model).order_by(*(it.desc() for it in BY_NUMBER)).limit(1)
    return next(iter(versions_in(connection, query)), None)


def by_digest(connection: sa.Connection, model: str, digest: str) -> ModelVersion | None:
    """The version of a model that has these very bytes."""
    query = sa.select(VERSIONS).where(VERSIONS.c.model == model, VERSIONS.c.digest == digest)
    return next(iter(versions_in(connection, query)), None)


def version_in(connection: sa.Connection, reference: Reference) -> ModelVersion:
    """The version that a reference means; raises NotFoundError, which says what was probably meant."""
    query = sa.select(VERSIONS).where(VERSIONS.c.model == reference.model)
    if reference.version is not None:
        query = query.where(*numbered(reference.version))
    elif reference.alias not in {"", LATEST}:
        own = (ALIASES.c.model == reference.model, ALIASES.c.name == reference.alias)
        query = query.join(ALIASES, ALIASES.c.version_id == VERSIONS.c.id).where(*own)
    else:
        query = query.order_by(*(column.desc() for column in BY_NUMBER)).limit(1)
    for version in versions_in(connection, query):
        return version
    raise not_found(connection, reference)


def not_found(connection: sa.Connection, reference: Reference) -> NotFoundError:
    """Why a reference means no version."""
    model = model_in(connection, reference.model)
    query = sa.select(VERSIONS.c.version).where(VERSIONS.c.model == model.name).order_by(VERSIONS.c.id.desc())
    newest_numbers = connection.execute(query.limit(PROPOSED)).scalars().all()
    if not newest_numbers:
        return NotFoundError(f"the model {model.name!r} has no versions yet; cm register makes one")
    if reference.version is None:
        own = sa.select(ALIASES.c.name).where(ALIASES.c.model == model.name, ALIASES.c.version_id.is_not(None))
        known = sorted(connection.execute(own).scalars())
        listed = f"it has {', '.join(known)}" if known else "it has none yet"
        hint = did_you_mean(reference.alias, known)
        return NotFoundError(f"the model {model.name!r} has no alias {reference.alias!r}{hint}; {listed}")
    listed = ", ".join(newest_numbers)
    return NotFoundError(f"the model {model.name!r} has no version {reference.version}; the newest are {listed}")


def versions_in(connection: sa.Connection, query: sa.Select[*tuple[object, ...]]) -> list[ModelVersion]:
    """The versions that a query on VERSIONS finds, in its order, with their aliases and properties."""
    rows = connection.execute(query).mappings().all()
    if not rows:
        return []
    ids = [row["id"] for row in rows]
    aliases, properties = names_of(connection, ids), properties_of(connection, ids)
    return [version_of(row, aliases.get(row["id"], ()), properties.get(row["id"], {})) for row in rows]


def versions_by_id(connection: sa.Connection, ids: Sequence[int]) -> dict[int, ModelVersion]:
    """Versions by what their rows are kept under, however many."""
    found: dict[int, ModelVersion] = {}
    for start in range(0, len(ids), PAGE):  # databases bound the parameters of a statement
        page = sorted(ids[start : start + PAGE])
        query = sa.select(VERSIONS).where(VERSIONS.c.id.in_(page)).order_by(VERSIONS.c.id)
        found |= zip(page, versions_in(connection, query), strict=True)
    return found


def version_of(row: sa.RowMapping, aliases: Iterable[str], properties: Mapping[str, JsonValue]) -> ModelVersion:
    """The row as a version."""
    return ModelVersion(
        model=row["model"],
        number=VersionNumber(row["major"], row["minor"], row["pipeline"]),
        facts=VersionFacts.model_validate_json(row["facts"]),
        bump=BUMPS.validate_json(row["bump"]),
        override=row["override"],
        created_at=row["created_at"],
        actor=row["actor"],
        properties=properties,
        aliases=tuple(aliases),
    )


def names_of(connection: sa.Connection, ids: Sequence[int]) -> dict[int, list[str]]:
    """The aliases of each version, in their order."""
    query = (
        sa.select(ALIASES.c.version_id, ALIASES.c.name).where(ALIASES.c.version_id.in_(ids)).order_by(ALIASES.c.name)
    )
    found: dict[int, list[str]] = {}
    for row in connection.execute(query):
        found.setdefault(row.version_id, []).append(row.name)
    return found


def properties_of(connection: sa.Connection, ids: Sequence[int]) -> dict[int, dict[str, JsonValue]]:
    """The properties of each version."""
    columns = (PROPERTIES.c.version_id, PROPERTIES.c.name, PROPERTIES.c.value)
    found: dict[int, dict[str, JsonValue]] = {}
    for row in connection.execute(
        sa.select(*columns).where(PROPERTIES.c.version_id.in_(ids)).order_by(PROPERTIES.c.name)
    ):
        found.setdefault(row.version_id, {})[row.name] = json.loads(row.value)
    return found


def id_of(connection: sa.Connection, version: ModelVersion) -> int:
    """What a version's rows in other tables are kept under."""
    query = sa.select(VERSIONS.c.id).where(VERSIONS.c.model == version.model, *numbered(version.number))
    return int(connection.execute(query).scalar_one())


def numbered(number: VersionNumber) -> tuple[sa.ColumnElement[bool], ...]:
    """The conditions that a row has this number, in the words of the index."""
    return (
        VERSIONS.c.major == number.major,
        VERSIONS.c.minor == number.minor,
        VERSIONS.c.pipeline == number.pipeline,
    )
