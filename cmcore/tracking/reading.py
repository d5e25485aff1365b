"""From rows to values: runs with what they tracked, and the points of series. Which runs is asked elsewhere."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from cmcore.tracked import TRACKED_FILES
from cmcore.tracking.tables import (
    ARTIFACTS,
    FILES,
    METRICS,
    NODES,
    NOTES,
    PARAMS,
    POINTS,
    READINGS,
    RUNS,
    SERIES,
    TAGS,
)  # fmt: skip
from cmcore.tracking.values import (
    Series,
    SeriesPoint,
    TrackedArtifact,
    TrackedFile,
    TrackedMetric,
    TrackedNote,
    TrackedParam,
    TrackedRun,
)  # fmt: skip

IMPORTER = "Importer"  # the component of nodes that import data
CHAIN_MAX = 20  # how often a node may be served from one that was served itself
TOGETHER = 500

ByRun = Mapping[int, Sequence[sa.RowMapping]]


def runs_of(connection: sa.Connection, rows: Sequence[sa.RowMapping]) -> list[TrackedRun]:
    """The runs of these rows, in their order."""
    found: list[TrackedRun] = []
    for start in range(0, len(rows), TOGETHER):
        some = rows[start : start + TOGETHER]
        parts = {table.name: by_run(connection, table, [row["number"] for row in some]) for table in PARTS}
        found += [run_of(row, parts) for row in some]
    return found


PARTS = (PARAMS, METRICS, TAGS, NOTES, NODES, SERIES, FILES, ARTIFACTS)


def by_run(connection: sa.Connection, table: sa.Table, numbers: Sequence[int]) -> ByRun:
    """A table's rows of some runs, in the order of the table's key."""
    query = sa.select(table).where(table.c.run_number.in_(numbers)).order_by(*table.primary_key)
    found: dict[int, list[sa.RowMapping]] = defaultdict(list)
    for row in connection.execute(query).mappings():
        found[row["run_number"]].append(row)
    return found


def run_of(row: sa.RowMapping, parts: Mapping[str, ByRun]) -> TrackedRun:
    """One run."""
    number = row["number"]

    def rows(table: sa.Table) -> Sequence[sa.RowMapping]:
        return parts[table.name].get(number, ())

    importers = {node["node"] for node in rows(NODES) if node["component"] == IMPORTER}
    artifacts = [artifact_of(each, imported=each["node"] in importers) for each in rows(ARTIFACTS)]
    homes = {each.node: each for each in artifacts if each.output == TRACKED_FILES}
    return TrackedRun(
        **{name: row[name] for name in ("run", "pipeline", "project", "actor", "state", "source", "environment")},
        created_at=row["created_at"],
        finished_at=row["finished_at"],
        commit=row["code_commit"],
        changes=row["code_changes"],
        command=tuple(json.loads(row["command"])),
        params=tuple(map(param_of, rows(PARAMS))),
        metrics=tuple(map(metric_of, rows(METRICS))),
        tags={each["name"]: each["text"] for each in rows(TAGS)},
        notes=tuple(map(note_of, rows(NOTES))),
        series=tuple(map(series_of, rows(SERIES))),
        files=tuple(file_of(each, homes.get(each["node"])) for each in rows(FILES)),
        artifacts=tuple(artifacts),
    )


def param_of(row: sa.RowMapping) -> TrackedParam:
    """One parameter."""
    return TrackedParam(node=row["node"], name=row["name"], text=row["text"], layer=row["layer"])


def metric_of(row: sa.RowMapping) -> TrackedMetric:
    """One metric."""
    return TrackedMetric(node=row["node"], name=row["name"], value=float_of(row["number"]))


def note_of(row: sa.RowMapping) -> TrackedNote:
    """One note."""
    return TrackedNote(node=row["node"], at=row["at"], actor=row["actor"], text=row["text"])


def series_of(row: sa.RowMapping) -> Series:
    """The name of one series."""
    return Series(node=row["node"], name=row["name"], system=row["system"])


def file_of(row: sa.RowMapping, home: TrackedArtifact | None) -> TrackedFile:
    """One tracked file."""
    said = {name: row[name] for name in ("node", "what", "name", "path", "media_type", "step")}
    return TrackedFile(uri=home.uri if home else "", digest=home.digest if home else "", **said)


def artifact_of(row: sa.RowMapping, *, imported: bool) -> TrackedArtifact:
    """One artifact."""
    said = {name: row[name] for name in ("node", "output", "name", "type", "uri", "digest")}
    return TrackedArtifact(imported=imported, **said)


def float_of(number: float | None) -> float:
    """A number as it was tracked: NULL is NaN."""
    return math.nan if number is None else number


def points_of(connection: sa.Connection, run: str, series: Series) -> list[SeriesPoint]:
    """The points of a series, in their order; of a node from the cache, those of the execution that it was served."""
    place: tuple[str, str] | None = (run, series.node)
    for _ in range(CHAIN_MAX):
        if place is None:
            return []
        if found := own_points(connection, place, series):
            return found
        place = served_from(connection, place)
    return []


def own_points(connection: sa.Connection, place: tuple[str, str], series: Series) -> list[SeriesPoint]:
    """The points that a node of a run has itself."""
    table = READINGS if series.system else POINTS
    step = sa.literal(0) if series.system else POINTS.c.step
    query = (
        sa.select(step.label("step"), table.c.at, table.c.number)
        .join(RUNS, RUNS.c.number == table.c.run_number)
        .where(RUNS.c.run == place[0], table.c.node == place[1], table.c.name == series.name)
        .order_by(*table.primary_key)
    )
    return [SeriesPoint(step=row.step, at=row.at, value=float_of(row.number)) for row in connection.execute(query)]


def served_from(connection: sa.Connection, place: tuple[str, str]) -> tuple[str, str] | None:
    """The run and node whose outputs a node was served; None if it was not."""
    query = (
        sa.select(NODES.c.cached_run, NODES.c.cached_node)
        .join(RUNS, RUNS.c.number == NODES.c.run_number)
        .where(RUNS.c.run == place[0], NODES.c.node == place[1], NODES.c.cached_run != "")
    )
    row = connection.execute(query).first()
    return None if row is None else (row.cached_run, row.cached_node)
