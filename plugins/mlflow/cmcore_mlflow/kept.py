"""Kept: what the tracker remembers of each MLflow run between portions and processes, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydantic import BaseModel, ConfigDict, JsonValue

from cmcore.tracking.tracker import Memory
from cmcore_mlflow import spelling
from cmcore_mlflow.pages import Page, Row


class Kept(BaseModel):
    """One MLflow run. `series` has each metric's last step and value, `shared` the tags that its nodes have too,
    `doubtful` says whether others like it may exist."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    experiment: str
    started_ms: int
    doubtful: bool = False
    shared: dict[str, str] = {}
    series: dict[str, tuple[int, float]] = {}
    outputs: dict[str, dict[str, JsonValue]] = {}
    notes: dict[str, str] = {}

    def with_page(self, page: Page) -> Kept:
        """What is to be remembered once the page is written."""
        return self.model_copy(
            update={
                "series": self.series | {row.name: (row.step, row.value) for row in page.points},
                "outputs": self.outputs | {str(output.get("name", "")): output for output in page.outputs},
                "notes": self.notes | page.notes,
            }
        )

    @property
    def note(self) -> str:
        """All notes, the oldest first, as one text."""
        ordered = sorted(self.notes.items(), key=lambda note: [int(part) for part in note[0].split(".")])
        return "\n\n".join(text for _, text in ordered)

    @property
    def artifact_ids(self) -> str:
        """The ML-Metadata ids of the outputs."""
        found = [output.get("id") for output in self.outputs.values()]
        return ",".join(str(each) for each in sorted(it for it in found if isinstance(it, int)))


class Shelf:
    """The memory of runs and of attempts at nodes, by their names here."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def run(self, run: str) -> Kept | None:
        """What is remembered of a run; None if it is not known."""
        return self.get(run, "", 0)

    def node(self, run: str, node: str) -> Kept | None:
        """What is remembered of the newest attempt at a node; None if it is not known."""
        return self.get(run, node, self.newest(run, node))

    def newest(self, run: str, node: str) -> int:
        """The newest attempt at a node that is known; 0 if none is."""
        return int(self._memory.get(spelling.key("newest", run, node)) or 0)

    def get(self, run: str, node: str, attempt: int) -> Kept | None:
        """What is remembered of an attempt, or of a run; None if it is not known."""
        text = self._memory.get(spelling.key("run", run, node, str(attempt)))
        return Kept.model_validate_json(text) if text else None

    def put(self, kept: Kept, page: Page) -> None:
        """Remember it as the page's, durably."""
        if page.attempt > self.newest(page.run, page.node):
            self._memory.put(spelling.key("newest", page.run, page.node), str(page.attempt))
        place = spelling.key("run", page.run, page.node, str(page.attempt))
        self._memory.put(place, kept.model_dump_json(exclude_defaults=True))


def rows_of(page: Page, kept: Kept) -> list[Row]:
    """Every value that the page adds, each once, by the names that MLflow takes; `kept` is what was before the page."""
    return list(dict.fromkeys([*map(spelled, page.points), *system_rows(page.system, kept), *final_rows(page, kept)]))


def spelled(row: Row) -> Row:
    """The row under the name that MLflow takes."""
    return Row(name=spelling.name(row.name), value=row.value, at_ms=row.at_ms, step=row.step)


def system_rows(rows: Sequence[Row], kept: Kept) -> Iterator[Row]:
    """Readings of the machine, their steps the seconds since the node began: MLflow draws them over their steps."""
    for row in rows:
        seconds = max(0, (row.at_ms - kept.started_ms) // 1000)
        yield Row(name=spelling.name(row.name), value=row.value, at_ms=row.at_ms, step=seconds)


def final_rows(page: Page, kept: Kept) -> Iterator[Row]:
    """Metrics without a step; one that a series ended with already is no second point of it."""
    series = kept.with_page(page).series
    for row in page.finals:
        last_step, last_value = series.get(row.name, (0, None))
        if last_value != row.value:
            yield Row(name=spelling.name(row.name), value=row.value, at_ms=row.at_ms, step=last_step)
