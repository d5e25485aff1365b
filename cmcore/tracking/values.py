"""What queries answer: runs and what they tracked, as frozen values. `node` is empty for what belongs to the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedParam:
    """A parameter: `layer` says which file, variable or flag set it; `node`, or `executor`, for those of one node."""

    node: str
    name: str
    text: str
    layer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedMetric:
    """The last value of a metric; NaN and infinities are values."""

    node: str
    name: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A metric over steps, or (`system`) a reading of the machine over time."""

    node: str
    name: str
    system: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesPoint:
    """One value; `step` is 0 in readings of the machine, `at` is seconds since 1970."""

    step: int
    at: float
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedNote:
    """A remark; `actor` is empty where the executor made it."""

    node: str
    at: float
    actor: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedFile:
    """A file at `path` inside the payload at `uri` with `digest`; both are empty unless the attempt ended well."""

    node: str
    what: str
    name: str
    path: str
    media_type: str
    step: int | None
    uri: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedArtifact:
    """What a node published; `imported` says that it is data from outside, read where it lies."""

    node: str
    output: str
    name: str
    type: str
    uri: str
    digest: str
    imported: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedRun:
    """One run and everything that it tracked but the points of its series.

    `commit` is the code's, `changes` the digest of what was not committed, `environment` that of the installed
    packages, `command` the command line. Times are seconds since 1970.
    """

    run: str
    pipeline: str
    project: str
    actor: str
    state: str
    created_at: float
    finished_at: float | None
    source: str
    commit: str
    changes: str
    environment: str
    command: tuple[str, ...]
    params: tuple[TrackedParam, ...] = ()
    metrics: tuple[TrackedMetric, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[TrackedNote, ...] = ()
    series: tuple[Series, ...] = ()
    files: tuple[TrackedFile, ...] = ()
    artifacts: tuple[TrackedArtifact, ...] = ()

    @property
    def duration_s(self) -> float | None:
        """How long it took; None while it goes on."""
        return None if self.finished_at is None else self.finished_at - self.created_at

    def metrics_named(self, name: str) -> tuple[TrackedMetric, ...]:
        """The metrics that `metrics.NAME` means in a filter: of any node, or of the node before a dot."""
        return tuple(each for each in self.metrics if name in {each.name, f"{each.node}.{each.name}"})

    @property
    def datasets(self) -> tuple[TrackedArtifact, ...]:
        """The data from outside."""
        return tuple(artifact for artifact in self.artifacts if artifact.imported)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rank:
    """A run's place in a leaderboard, by its best value, which `node` gave."""

    place: int
    run: TrackedRun
    node: str
    value: float
