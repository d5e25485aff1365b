"""Runs: which MLflow run is whose: one for a run, below it one for each attempt at a node. Found, never made twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cmcore.errors import NotFoundError, TrackerError
from cmcore_mlflow import spelling
from cmcore_mlflow.kept import Kept, Shelf
from cmcore_mlflow.options import MlflowOptions
from cmcore_mlflow.pages import LOST, RUNNING, Page, Start
from cmcore_mlflow.server import Server, shown

if TYPE_CHECKING:
    from mlflow.entities import Run

EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}  # which of its faces MLflow shows
SHARED = ("mlflow.user", "mlflow.source.name", "mlflow.source.type", "mlflow.source.git.commit")  # nodes have the run's
PAGE = 1000


class Runs:
    """Makes MLflow runs, and finds those that an interrupted delivery made."""

    def __init__(self, shelf: Shelf, server: Server, options: MlflowOptions) -> None:
        self._shelf, self._server, self._options = shelf, server, options
        self._experiments: dict[str, str] = {}

    def known(self, page: Page, *, doubtful: bool) -> Kept | None:
        """The MLflow run of a page, by memory; `doubtful`, by its tags too. None if there is none yet."""
        kept = self._shelf.get(page.run, page.node, page.attempt)
        if kept is not None or not doubtful or page.start is None:
            return kept
        experiment = self._experiment_of(page, page.start)
        found = next(self._tagged(experiment, page.run, page.node, page.attempt), None)
        return self._kept(page, found, doubtful=True) if found else None

    def made(self, page: Page, *, doubtful: bool) -> Kept:
        """A new MLflow run; its tags are those by which it would be found again. Raises NotFoundError."""
        if page.start is None:
            raise self._unknown(page)
        if page.attempt > 1:
            self._close_lost(page, page.start)
        made = self._server.client.create_run(
            self._experiment_of(page, page.start),
            start_time=page.start.at_ms,
            tags=self._first_tags(page),
            run_name=spelling.shortened(page.start.title, spelling.NAME_LENGTH),
        )
        return self._kept(page, made, doubtful=doubtful)

    def delete_doubles(self, kept: Kept, run: str) -> None:
        """Delete what a request that was lost may have made after all: what has our tags, and is not remembered."""
        for each in list(self._tagged(kept.experiment, run)):
            tags = each.data.tags
            ours = self._shelf.get(run, tags.get("cmcore.node", ""), int(tags.get("cmcore.attempt", 0)))
            if ours is None or ours.id != each.info.run_id:
                self._server.client.delete_run(each.info.run_id)

    def _first_tags(self, page: Page) -> dict[str, str]:
        if not page.node:
            return {"cmcore.run": page.run, "cmcore.kind": "run"}
        parent = self._parent(page)
        return {
            "cmcore.run": page.run,
            "cmcore.kind": "node",
            "cmcore.node": page.node,
            "cmcore.attempt": str(page.attempt),
            "mlflow.parentRunId": parent.id,
            **parent.shared,
        }

    def _kept(self, page: Page, run: Run, *, doubtful: bool) -> Kept:
        """Remember the MLflow run of a page; one in doubt puts the whole run in doubt."""
        info = run.info
        kept = Kept(
            id=info.run_id,
            experiment=info.experiment_id,
            started_ms=info.start_time,
            doubtful=doubtful,
            shared={name: value for name in SHARED if (value := page.tags.get(name))},
        )
        if doubtful and page.node and not (parent := self._parent(page)).doubtful:
            self._shelf.put(parent.model_copy(update={"doubtful": True}), Page(run=page.run))
        self._shelf.put(kept, page)
        return kept

    def _close_lost(self, page: Page, start: Start) -> None:
        """End the attempt before this one where nobody told its end: its driver was killed."""
        before = self._shelf.get(page.run, page.node, page.attempt - 1)
        if before is None or self._server.client.get_run(before.id).info.status != RUNNING:
            return
        self._server.client.set_tag(before.id, "cmcore.state", LOST)
        self._server.client.set_terminated(before.id, status="KILLED", end_time=start.at_ms)

    def _parent(self, page: Page) -> Kept:
        found = self._shelf.run(page.run)
        if found is None:
            raise self._unknown(page)
        return found

    def _unknown(self, page: Page) -> NotFoundError:
        return NotFoundError(
            f"run {page.run!r} is not known at {shown(self._server.uri)}: its beginning was not delivered there"
        )

    def _experiment_of(self, page: Page, start: Start) -> str:
        return self._parent(page).experiment if page.node else self._experiment(start)

    def _experiment(self, start: Start) -> str:
        """The id of the experiment, which is made where it is missing."""
        name = self._options.experiment or "/".join(filter(None, (start.project, start.pipeline))) or "cmcore"
        if name not in self._experiments:
            found = self._server.client.get_experiment_by_name(name)
            if found is not None and found.lifecycle_stage != "active":
                raise TrackerError(f"experiment {name!r} has been deleted in MLflow; restore it, or name another one")
            self._experiments[name] = str(found.experiment_id) if found else self._made_experiment(name)
        return self._experiments[name]

    def _made_experiment(self, name: str) -> str:
        from mlflow.exceptions import MlflowException

        root = self._server.artifact_root
        place = f"{root}/{spelling.key(name)}" if root else None
        try:
            return self._server.client.create_experiment(name, artifact_location=place, tags=EXPERIMENT_TAGS)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            raise TrackerError(f"experiment {name!r} was made by somebody else just now") from error

    def _tagged(self, experiment: str, run: str, node: str | None = None, attempt: int = 0) -> Iterator[Run]:
        """The MLflow runs with the tags of a run (`node` empty), of an attempt at a node, or of all of it (None)."""
        wanted = {"cmcore.run": run}
        if node is not None:
            wanted["cmcore.kind"] = "node" if node else "run"
        if node:
            wanted |= {"cmcore.node": node, "cmcore.attempt": str(attempt)}
        query = " and ".join(f"tags.`{name}` = '{value}'" for name, value in wanted.items())  # names have no quotes
        token = None
        while True:
            found = self._server.client.search_runs([experiment], query, max_results=PAGE, page_token=token)
            yield from found
            token = found.token
            if not token:
                return
