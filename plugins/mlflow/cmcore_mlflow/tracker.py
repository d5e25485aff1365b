"""MlflowTracker: the event log into MLflow. What is written where is `writer`'s and `models`' affair."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import JsonValue, ValidationError

from cmcore.errors import ConfigError
from cmcore.events import Event
from cmcore.tracking.tracker import Memory
from cmcore_mlflow import spelling
from cmcore_mlflow.kept import Shelf
from cmcore_mlflow.models import Models
from cmcore_mlflow.options import MlflowOptions
from cmcore_mlflow.pages import book_of
from cmcore_mlflow.server import Server, shown
from cmcore_mlflow.writer import Writer

ATTEMPTED = spelling.key("attempted")


def mlflow_tracker(memory: Memory, folder: Path, **options: JsonValue) -> MlflowTracker:
    """The factory that the plugin names; raises ConfigError for options that cannot be."""
    try:
        return MlflowTracker(memory, folder, MlflowOptions.model_validate(options))
    except ValidationError as error:
        wrong = [f"{'.'.join(map(str, it['loc']))}: {it['msg']}" for it in error.errors(include_url=False)]
        raise ConfigError(f"the options of tracker 'mlflow' cannot be used: {'; '.join(wrong)}") from error


class MlflowTracker:
    """One MLflow. What was attempted is remembered before it is tried, so that nothing is ever made twice."""

    def __init__(self, memory: Memory, folder: Path, options: MlflowOptions) -> None:
        self._memory, self._options = memory, options
        self._server = Server(options, folder)
        self._shelf = Shelf(memory)
        self._writer = Writer(self._shelf, self._server, options)
        self._models = Models(memory, self._shelf, self._server, options)

    def deliver(self, events: Sequence[Event]) -> None:
        """Write what the events say; those that say nothing to MLflow cost nothing."""
        pages = book_of(events).pages()
        changes = self._models.of_interest(events)
        if not pages and not changes:
            return
        attempted = int(self._memory.get(ATTEMPTED) or 0)
        if events[-1].seq > attempted:
            self._memory.put(ATTEMPTED, str(events[-1].seq))
        with self._server.reaching():
            for page in pages:
                self._writer.write(page, doubtful=events[0].seq <= attempted)
            for event in changes:
                self._models.write(event, doubtful=event.seq <= attempted)

    def link(self, run: str, node: str = "") -> str:
        """The page in MLflow's own pages, where a server has them."""
        kept = self._shelf.node(run, node) if node else self._shelf.run(run)
        if kept is None or not self._server.is_remote:
            return ""
        return f"{shown(self._server.uri).rstrip('/')}/#/experiments/{kept.experiment}/runs/{kept.id}"

    def close(self) -> None:
        """MLflow's client holds nothing."""
