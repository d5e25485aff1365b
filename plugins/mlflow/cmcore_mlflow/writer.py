"""Writer: a page into its MLflow run, so that the same page twice is the same as once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from cmcore_mlflow import spelling
from cmcore_mlflow.calls import Call, calls
from cmcore_mlflow.files import upload
from cmcore_mlflow.kept import Kept, Shelf, rows_of
from cmcore_mlflow.options import MlflowOptions
from cmcore_mlflow.pages import RUNNING, Input, Page, Row
from cmcore_mlflow.runs import Runs
from cmcore_mlflow.server import Server

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import DatasetInput

DIGEST_LENGTH = 36
DATA_NAME_LENGTH = 500
MOST_DATASETS = 1000
SOURCES: Mapping[str, str] = {"s3": "s3", "http": "http", "https": "http"}


class Writer:
    """Writes pages. With `doubtful`, the page or a part of it may have been written before."""

    def __init__(self, shelf: Shelf, server: Server, options: MlflowOptions) -> None:
        self._shelf, self._server, self._options = shelf, server, options
        self._runs = Runs(shelf, server, options)

    def write(self, page: Page, *, doubtful: bool) -> None:
        """Bring one MLflow run up to the page."""
        if page.node and not page.attempt:
            page.attempt = self._shelf.newest(page.run, page.node) or 1
        known = self._runs.known(page, doubtful=doubtful)
        kept = known or self._runs.made(page, doubtful=doubtful)
        following, rows = kept.with_page(page), rows_of(page, kept)
        if doubtful and known:
            rows = missing(self._client, kept.id, rows)
        self._log(kept.id, rows, page, following)
        if page.inputs:
            self._client.log_inputs(kept.id, datasets(page.inputs))
        self._end(kept, page, fresh=known is None)
        self._add_files(kept, page, following)
        if following != kept:
            self._shelf.put(following, page)

    @property
    def _client(self) -> MlflowClient:
        return self._server.client

    def _log(self, run_id: str, rows: Sequence[Row], page: Page, following: Kept) -> None:
        """Parameters, tags and metrics, in as few calls as MLflow allows."""
        params = {spelling.name(key): spelling.shortened(it, spelling.PARAM_LENGTH) for key, it in page.params.items()}
        tags = {
            spelling.name(key): spelling.shortened(it, spelling.TAG_LENGTH) for key, it in set_tags(page, following)
        }
        for call in calls(rows, params, tags):
            send(self._client, run_id, call)
        for key in [spelling.name(key) for key, it in page.tags.items() if it is None]:
            if key in self._client.get_run(run_id).data.tags:
                self._client.delete_tag(run_id, key)

    def _end(self, kept: Kept, page: Page, *, fresh: bool) -> None:
        """The status; at the end of a run of which a creation was in doubt, what was made too much is deleted."""
        if page.end is None:
            return
        if page.end.status == RUNNING:
            if not fresh:
                self._client.update_run(kept.id, status=RUNNING)
            return
        self._client.set_terminated(kept.id, status=page.end.status, end_time=page.end.at_ms)
        if kept.doubtful and not page.node:
            self._runs.delete_doubles(kept, page.run)

    def _add_files(self, kept: Kept, page: Page, following: Kept) -> None:
        """What was tracked as files, and at the end of a node the list of what it made."""
        for uri in page.uploads:
            if reason := upload(self._client, kept.id, uri, limit_mib=self._options.upload_files_mib):
                self._client.set_tag(kept.id, "cmcore.files", f"{uri} ({reason})")
        if page.node and page.end and page.end.status != RUNNING and following.outputs:
            outputs = json.dumps(list(following.outputs.values()), indent=1, ensure_ascii=False)
            self._client.log_text(kept.id, outputs, "cmcore/artifacts.json")


def missing(client: MlflowClient, run_id: str, rows: Sequence[Row]) -> list[Row]:
    """The rows that MLflow does not have yet; folders of files would keep a row twice."""
    there = {
        (name, metric.timestamp, metric.step, spelling.spelled_number(metric.value))
        for name in {row.name for row in rows}
        for metric in client.get_metric_history(run_id, name)
    }
    return [row for row in rows if (row.name, row.at_ms, row.step, spelling.spelled_number(row.value)) not in there]


def send(client: MlflowClient, run_id: str, call: Call) -> None:
    """Make the call; a parameter that has another value already, which MLflow refuses, becomes a tag."""
    from mlflow.entities import Metric, Param, RunTag
    from mlflow.exceptions import MlflowException

    metrics = [Metric(row.name, row.value, row.at_ms, row.step) for row in call.metrics]
    params = [Param(name, value) for name, value in call.params.items()]
    tags = [RunTag(name, value) for name, value in call.tags.items()]
    try:
        client.log_batch(run_id, metrics=metrics, params=params, tags=tags)
    except MlflowException:
        if not params:
            raise
        known = client.get_run(run_id).data.params
        changed = {param.key: param.value for param in params if known.get(param.key, param.value) != param.value}
        if not changed:
            raise
        others = [param for param in params if param.key not in changed]
        tags += [RunTag(f"cmcore.param.{name}", value[: spelling.TAG_LENGTH]) for name, value in changed.items()]
        client.log_batch(run_id, metrics=metrics, params=others, tags=tags)


def set_tags(page: Page, following: Kept) -> Iterator[tuple[str, str]]:
    """The tags that are to be set, those of outputs and notes included."""
    yield from ((name, value) for name, value in page.tags.items() if value)
    if page.notes:
        yield "mlflow.note.content", following.note
    for output in page.outputs:
        place = str(output.get("output", ""))
        yield f"cmcore.uri.{place}", str(output.get("uri", ""))
        yield f"cmcore.digest.{place}", str(output.get("digest", ""))
    if page.outputs:
        yield "cmcore.mlmd.artifact_ids", following.artifact_ids


def datasets(given: Sequence[Input]) -> list[DatasetInput]:
    """Inputs as MLflow's datasets; one that is read under two keys is one dataset to MLflow."""
    keys: dict[tuple[str, str], list[str]] = {}
    for each in given:
        keys.setdefault((each.name, each.digest), []).append(each.key)
    first = {(each.name, each.digest): each for each in reversed(given)}
    return [dataset(first[what], ",".join(dict.fromkeys(found))) for what, found in keys.items()][:MOST_DATASETS]


def dataset(given: Input, context: str) -> DatasetInput:
    """An input as MLflow's dataset; its own digests are 36 characters, the whole one is in a tag."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    scheme = given.uri.partition(":")[0]
    return DatasetInput(
        dataset=Dataset(
            name=given.name[:DATA_NAME_LENGTH],
            digest=given.digest.removeprefix("sha256:")[:DIGEST_LENGTH],
            source_type=SOURCES.get(scheme, "local"),
            source=json.dumps({"url" if scheme in ("http", "https") else "uri": given.uri}),
        ),
        tags=[
            InputTag("mlflow.data.context", context[:DATA_NAME_LENGTH]),
            InputTag("cmcore.type", given.type),
            InputTag("cmcore.digest", given.digest),
            InputTag("cmcore.mlmd.artifact_id", str(given.id)),
        ],
    )
