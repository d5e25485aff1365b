"""MLflow's registry as a mirror of ours: models, versions and aliases, in our order, never the other way round."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from pydantic import JsonValue

from cmcore.errors import NotFoundError
from cmcore.events import Event, EventKind
from cmcore.tracking.tracker import Memory
from cmcore_mlflow import spelling
from cmcore_mlflow.files import upload
from cmcore_mlflow.kept import Shelf
from cmcore_mlflow.options import MlflowOptions
from cmcore_mlflow.pages import mapping, text
from cmcore_mlflow.server import Server, shown

if TYPE_CHECKING:
    from mlflow import MlflowClient

MODEL_FOLDER = "model"
DESCRIPTION_LENGTH = 5000
LOCAL = ("file:", "local:", "/")


class Models:
    """Writes the registry's events one by one."""

    def __init__(self, memory: Memory, shelf: Shelf, server: Server, options: MlflowOptions) -> None:
        self._memory, self._shelf, self._server, self._options = memory, shelf, server, options
        self._writers: Mapping[EventKind, Callable[[Event, bool], None]] = {
            EventKind.MODEL_CREATED: self._model_created,
            EventKind.MODEL_DESCRIBED: self._model_described,
            EventKind.VERSION_REGISTERED: self._version_registered,
            EventKind.VERSION_DESCRIBED: self._version_described,
            EventKind.ALIAS_MOVED: self._alias_moved,
            EventKind.ALIAS_REMOVED: self._alias_removed,
        }

    def of_interest(self, events: Sequence[Event]) -> list[Event]:
        """The events that are mirrored, in their order."""
        return [event for event in events if self._options.mirror_models and event.kind in self._writers]

    def write(self, event: Event, *, doubtful: bool) -> None:
        """Mirror one event; once more is the same as once."""
        self._writers[event.kind](event, doubtful)

    @property
    def _client(self) -> MlflowClient:
        return self._server.client

    def _model_created(self, event: Event, doubtful: bool) -> None:
        self._ensure_model(text(event.data, "model"))
        self._model_described(event, doubtful)

    def _ensure_model(self, model: str) -> None:
        from mlflow.exceptions import MlflowException

        try:
            self._client.create_registered_model(model, tags={"cmcore.model": model})
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def _model_described(self, event: Event, _doubtful: bool) -> None:
        model = text(event.data, "model")
        for name, value in described(event.data).items():
            if value is None:
                self._client.delete_registered_model_tag(model, name)
            else:
                self._client.set_registered_model_tag(model, name, value)
        if note := self._noted(event, model):
            self._client.update_registered_model(model, description=note)

    def _version_registered(self, event: Event, doubtful: bool) -> None:
        data, model, version = event.data, text(event.data, "model"), text(event.data, "version")
        if self._memory.get(spelling.key("version", model, version)):
            return
        self._ensure_model(model)
        number = self._found(model, version) if doubtful else ""
        if not number:
            node = self._shelf.node(text(data, "run"), text(data, "node"))
            run_id = node.id if node else ""
            made = self._client.create_model_version(
                model,
                self._source(data, run_id),
                run_id=run_id or None,
                tags=version_tags(data),
                description=spelling.shortened(text(data, "reason"), DESCRIPTION_LENGTH),
                await_creation_for=0,
            )
            number = str(made.version)
        self._memory.put(spelling.key("version", model, version), number)

    def _source(self, data: Mapping[str, JsonValue], run_id: str) -> str:
        """Where MLflow finds the model: our own payload in an object store, else a copy, else only a name.

        A payload on a disk is never named: a server refuses paths of machines, and where there is none, MLflow writes
        into the folder of a model that it loads, which would spoil what was sealed.
        """
        uri = text(data, "uri")
        if not uri.startswith(LOCAL):
            return uri
        limit_mib = self._options.upload_files_mib
        if run_id and not upload(self._client, run_id, uri, limit_mib=limit_mib, place=MODEL_FOLDER):
            return f"runs:/{run_id}/{MODEL_FOLDER}"
        return f"cmcore://registry/{text(data, 'model')}/{text(data, 'version')}"

    def _version_described(self, event: Event, _doubtful: bool) -> None:
        model, version = text(event.data, "model"), text(event.data, "version")
        number = self._number(model, version)
        for name, value in described(event.data).items():
            if value is None:
                self._client.delete_model_version_tag(model, number, name)
            else:
                self._client.set_model_version_tag(model, number, name, value)
        if note := self._noted(event, model, version):
            self._client.update_model_version(model, number, description=note)

    def _alias_moved(self, event: Event, _doubtful: bool) -> None:
        data, model, alias = event.data, text(event.data, "model"), text(event.data, "alias")
        number = self._number(model, text(data, "version"))
        if self._is_news(model, alias, event.seq):
            self._client.set_registered_model_alias(model, spelling.alias(alias), number)
            self._memory.put(spelling.key("alias", model, alias), str(event.seq))

    def _alias_removed(self, event: Event, _doubtful: bool) -> None:
        model, alias = text(event.data, "model"), text(event.data, "alias")
        if self._is_news(model, alias, event.seq):
            self._client.delete_registered_model_alias(model, spelling.alias(alias))
            self._memory.put(spelling.key("alias", model, alias), str(event.seq))

    def _is_news(self, model: str, alias: str, seq: int) -> bool:
        """Whether a move is newer than the last one that was mirrored: old ones come again after an interruption."""
        return seq > int(self._memory.get(spelling.key("alias", model, alias)) or 0)

    def _number(self, model: str, version: str) -> str:
        """MLflow's own number of a version of ours; raises NotFoundError."""
        number = self._memory.get(spelling.key("version", model, version))
        if not number:
            raise NotFoundError(
                f"{model}@{version} is not known at {shown(self._server.uri)}: it was not mirrored there"
            )
        return number

    def _found(self, model: str, version: str) -> str:
        """The number of a version that an interrupted delivery made."""
        found = self._client.search_model_versions(f"name = '{model}'")
        return next((str(each.version) for each in found if each.tags.get("cmcore.version") == version), "")

    def _noted(self, event: Event, *what: str) -> str:
        """All notes with this event's, as one text; empty if it has none."""
        note = text(event.data, "note")
        if not note:
            return ""
        place = spelling.key("notes", *what)
        notes = {**json.loads(self._memory.get(place) or "{}"), str(event.seq): f"{text(event.data, 'actor')}: {note}"}
        self._memory.put(place, json.dumps(notes))
        ordered = [notes[seq] for seq in sorted(notes, key=int)]
        return spelling.shortened("\n\n".join(ordered), DESCRIPTION_LENGTH)


def version_tags(data: Mapping[str, JsonValue]) -> dict[str, str]:
    """The tags of a version: they lead back to ours."""
    tags = {
        "cmcore.version": text(data, "version"),
        "cmcore.digest": text(data, "digest"),
        "cmcore.uri": text(data, "uri"),
        "cmcore.artifact": text(data, "artifact"),
        "cmcore.run": text(data, "run"),
        "cmcore.node": text(data, "node"),
        "cmcore.level": text(data, "level"),
        "cmcore.actor": text(data, "actor"),
    }
    metrics = {f"cmcore.metric.{name}": spelling.value(found) for name, found in mapping(data, "metrics").items()}
    return {spelling.name(name): value for name, value in (tags | metrics).items() if value}


def described(data: Mapping[str, JsonValue]) -> dict[str, str | None]:
    """Properties and links as tags; None for those that were taken away."""
    found = {spelling.tag_name(name): text_or_none(it) for name, it in mapping(data, "properties").items()}
    link = mapping(data, "link")
    if link:
        found[spelling.name(f"cmcore.link.{text(link, 'rel')}")] = text_or_none(text(link, "url") or None)
    return found


def text_or_none(given: JsonValue) -> str | None:
    """A value as a tag's text; None stays None."""
    return None if given is None else spelling.shortened(spelling.value(given), spelling.TAG_LENGTH)
