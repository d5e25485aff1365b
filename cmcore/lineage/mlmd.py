"""The session with ML-Metadata: one handle and the calls on it. The only file that imports `ml_metadata`.

How records are spelled as rows is `rows.py`; when to try again is `database.py`. Filter queries, lineage subgraphs and
lists without limits are not used: newer releases drop the first two, and the last grow with the store.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from heapq import merge
from itertools import islice
from pathlib import Path
from typing import TypeVar

from ml_metadata import MetadataStore, errors
from ml_metadata.proto import metadata_store_pb2, metadata_store_service_pb2

from cmcore.errors import ConflictError, LineageError
from cmcore.lineage import rows, sqlite_file
from cmcore.lineage.blobs import Blobs
from cmcore.lineage.kinds import Kind, Kinds
from cmcore.lineage.known import CHUNK_IDS, KnownArtifacts, in_chunks
from cmcore.lineage.record import ArtifactRecord, Edge, ExecutionRecord, ExecutionState, RunRecord, ordered, settled
from cmcore.lineage.retry import RetryPolicy
from cmcore.lineage.rows import Row
from cmcore.lineage.url import Engine, StoreUrl
from cmcore.lineage.wire import Message, artifact_of, edge_of, execution_of, filled, row_of, run_of

T = TypeVar("T")
pb: Message = metadata_store_pb2
service: Message = metadata_store_service_pb2
Pair = tuple[Message, Message]

ERRORS: tuple[type[Exception], ...] = (errors.StatusError, RuntimeError)
PAGE_ROWS = 100  # asked for more, ML-Metadata answers 101 rows and says that there are no others
FIELD_TYPES: dict[type, int] = {bool: pb.BOOLEAN, int: pb.INT, float: pb.DOUBLE, str: pb.STRING}
COMPLETE = ExecutionState.COMPLETE
STATES = {
    ExecutionState.RUNNING: pb.Execution.RUNNING,
    ExecutionState.COMPLETE: pb.Execution.COMPLETE,
    ExecutionState.CACHED: pb.Execution.CACHED,
    ExecutionState.FAILED: pb.Execution.FAILED,
    ExecutionState.CANCELED: pb.Execution.CANCELED,
    ExecutionState.SKIPPED: pb.Execution.CANCELED,
}
READ_STATES = {number: state for state, number in STATES.items() if state is not ExecutionState.SKIPPED}
OUTPUTS = (pb.Event.OUTPUT, pb.Event.INTERNAL_OUTPUT)
INPUTS = (pb.Event.INPUT, pb.Event.INTERNAL_INPUT)

# The client logs each aborted call as an error, also those that succeed a few milliseconds later.
logging.getLogger("absl").setLevel(logging.CRITICAL)


class _Client(MetadataStore):
    """ML-Metadata's client, with pages where its own lists have no limit."""

    def runs(self) -> Iterator[Message]:
        request = service.GetContextsByTypeRequest(type_name=rows.RUN)
        return self._pages("GetContextsByType", request, service.GetContextsByTypeResponse, lambda page: page.contexts)

    def artifacts_of(self, type_name: str, version: str) -> Iterator[Message]:
        request = service.GetArtifactsByTypeRequest(type_name=type_name, type_version=version or None)
        answer = service.GetArtifactsByTypeResponse
        return self._pages("GetArtifactsByType", request, answer, lambda page: page.artifacts)

    def executions_in(
        self, context_id: int, *, oldest_first: bool = False, page_rows: int = PAGE_ROWS
    ) -> Iterator[Message]:
        request = service.GetExecutionsByContextRequest(context_id=context_id)
        request.options.order_by_field.is_asc = oldest_first
        request.options.max_result_size = page_rows
        answer = service.GetExecutionsByContextResponse
        return self._pages("GetExecutionsByContext", request, answer, lambda page: page.executions)

    def _pages(
        self, method: str, request: Message, answer: Message, rows_of: Callable[[Message], Iterable[T]]
    ) -> Iterator[T]:
        """Newest first in pages of PAGE_ROWS, unless the request says otherwise."""
        options = request.options
        if not options.HasField("max_result_size"):
            options.max_result_size = PAGE_ROWS
        if not options.order_by_field.HasField("is_asc"):
            options.order_by_field.is_asc = False
        options.order_by_field.field = pb.ListOperationOptions.OrderByField.ID
        while True:
            page = answer()
            self._call(method, request, page)  # type: ignore[no-untyped-call] # ml_metadata's own, in 1.17 and 1.21
            yield from rows_of(page)
            if not page.next_page_token:
                return
            options.next_page_token = page.next_page_token


class _Table:
    """The execution types or the artifact types of a store."""

    def __init__(self, message: Message, listed: Callable[[], Iterable[Message]], put: Callable[..., int]) -> None:
        self._message, self._listed, self._put = message, listed, put

    def listed(self) -> list[Kind]:
        base = self._message.SystemDefinedBaseType
        return [
            Kind(
                name=each.name,
                version=each.version,
                system_type=base.Name(each.base_type) if each.base_type else "",
                fields=dict(each.properties),
                id=each.id,
            )
            for each in self._listed()
        ]

    def register(self, kind: Kind) -> None:
        message = self._message(name=kind.name, properties=kind.fields)
        base = self._message.SystemDefinedBaseType
        if kind.version:
            message.version = kind.version
        if kind.system_type:
            if kind.system_type not in base.keys():  # noqa: SIM118 # an enum of protobuf is no dict
                raise LineageError(f"type {kind.name!r} is a {kind.system_type!r}; one of {', '.join(base.keys()[1:])}")
            message.base_type = base.Value(kind.system_type)
        with suppress(errors.AlreadyExistsError):  # others have registered their own shape: it is looked at again
            self._put(message, can_add_fields=True, can_omit_fields=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Begun:
    id: int
    inputs: tuple[Edge, ...]


class Session:
    """One handle and what is known of its store: ids of types, contexts, executions under way and artifacts.

    Nothing here is tried again; each call is safe to make twice, also on the session that replaces this one.
    """

    def __init__(self, store: _Client, blobs: Blobs) -> None:
        self._store, self._blobs = store, blobs
        self._execution_types = Kinds(_Table(pb.ExecutionType, store.get_execution_types, store.put_execution_type))
        self._artifact_types = Kinds(_Table(pb.ArtifactType, store.get_artifact_types, store.put_artifact_type))
        self._context_types = {kind.name: kind.id for kind in store.get_context_types()}
        for name in rows.CONTEXT_TYPES:
            if name not in self._context_types:
                self._context_types[name] = store.put_context_type(pb.ContextType(name=name))
        self._context_ids: dict[tuple[str, str], int] = {}
        self._begun: dict[str, _Begun] = {}
        self._artifacts = KnownArtifacts(store, self._artifact_types, self._artifact_record)

    def open_run(self, run: RunRecord) -> None:
        owner = rows.owner_row(run.project, run.actor, self._blobs)
        context = self._ensured(rows.RUN, run.run, rows.run_row(run, self._blobs))
        recorded = run_of(context, self._blobs)
        if recorded.pipeline != run.pipeline:
            raise ConflictError(f"run {run.run!r} is one of pipeline {recorded.pipeline!r}, not of {run.pipeline!r}")
        tie = pb.ParentContext(child_id=context.id, parent_id=self._ensured(rows.PIPELINE, run.pipeline, owner).id)
        with suppress(errors.AlreadyExistsError):
            self._store.put_parent_contexts([tie])

    def begin(self, execution: ExecutionRecord) -> None:
        inputs = self._artifacts.given_ids(execution.inputs)
        own = self._own_contexts(execution)
        contexts = [*self._run_contexts(execution), *(self._by_id_or_new(key, execution) for key in own)]
        pairs = _input_pairs(inputs)
        try:
            begun_id, _, context_ids = self._put(self._message(execution), pairs, contexts, reuse=True)
        except errors.AlreadyExistsError:
            if self.execution(execution.name) is None:
                raise
        else:
            self._context_ids.update(zip(own, context_ids[2:], strict=True))
            self._begun[execution.name] = _Begun(id=begun_id, inputs=inputs)

    def commit(self, execution: ExecutionRecord) -> ExecutionRecord:
        for _ in range(3):
            try:
                return self._ended(execution, self._begun.pop(execution.name, None) or self._begun_before(execution))
            except errors.AlreadyExistsError:
                recorded = self.execution(execution.name)
                if recorded is not None and recorded.state is not ExecutionState.RUNNING:
                    return settled(recorded, execution)
        raise ConflictError(
            f"execution {execution.name!r} cannot be committed: artifacts named like its outputs were published by "
            f"another: {', '.join(edge.artifact.name for edge in execution.outputs)}"
        )

    def _ended(self, execution: ExecutionRecord, begun: _Begun | None) -> ExecutionRecord:
        """The one call that publishes. The context named after the execution can be inserted once, ever."""
        inputs = begun.inputs if begun else self._artifacts.given_ids(execution.inputs)
        execution = replace(execution, inputs=inputs, outputs=self._artifacts.given_ids(execution.outputs))
        message = self._message(execution)
        pairs = self._output_pairs(execution)
        own = self._own_contexts(execution)
        if begun or execution.state is not COMPLETE:
            own = own[:1]  # begun ones have their cache key; CACHED ones would crowd out what they were served from
        contexts = [*self._run_contexts(execution), *(self._by_id(key, execution) for key in own)]
        contexts.append(self._new_context(rows.COMMIT, execution.name, Row()))
        if begun:
            message.id = begun.id
        else:
            pairs += _input_pairs(inputs)
        execution_id, artifact_ids, _ = self._put(message, pairs, contexts, reuse=False)
        return self._published(replace(execution, id=execution_id), artifact_ids)

    def _published(self, execution: ExecutionRecord, artifact_ids: Sequence[int]) -> ExecutionRecord:
        """The execution with the ids of its outputs, which come in the order of the pairs."""
        ids = dict(zip((edge.artifact.name for edge in rows.first_uses(execution.outputs)), artifact_ids, strict=False))
        for name, number in ids.items():
            self._artifacts.see(number, name)
        outputs = (replace(e, artifact=replace(e.artifact, id=ids[e.artifact.name])) for e in execution.outputs)
        return replace(execution, outputs=ordered(outputs))

    def bury(self, names: Sequence[str], *, at: float, reason: str) -> None:
        """Only what is named in the mask is written, so nothing that another process writes meanwhile is undone."""
        row = rows.tombstone_row(at, reason, self._blobs)
        mask = ["state", *(f"custom_properties.{key}" for key in row.custom)]
        live = [found for found in self._artifacts.all_named(names) if found.state != pb.Artifact.DELETED]
        for start in range(0, len(live), CHUNK_IDS):
            buried = [
                filled(pb.Artifact(id=each.id, type_id=each.type_id, state=pb.Artifact.DELETED), row)
                for each in live[start : start + CHUNK_IDS]
            ]
            self._store.put_artifacts(buried, field_mask_paths=mask)

    def execution(self, name: str) -> ExecutionRecord | None:
        committed = self._context_id(rows.COMMIT, name)
        if committed:
            found = list(islice(self._store.executions_in(committed, page_rows=1), 1))
        else:
            found = self._executions_named(name, self._execution_types.all())
        return next(iter(self._records(found)), None)

    def executions(self, run: str, *, limit: int = 100_000) -> list[ExecutionRecord]:
        return self._records(list(islice(self._listed(rows.RUN, run, limit, oldest_first=True), limit)))

    def cached(self, cache_key: str, *, limit: int = 10) -> list[ExecutionRecord]:
        found = self._listed(rows.CACHE, cache_key, limit)
        complete = (each for each in found if each.last_known_state == pb.Execution.COMPLETE)
        usable: list[ExecutionRecord] = []
        while len(usable) < limit and (page := list(islice(complete, limit))):
            usable += [record for record in self._records(page) if not record.has_deleted_output]
        return usable[:limit]

    def node_executions(self, pipeline: str, node: str, *, limit: int = 10) -> list[ExecutionRecord]:
        found = self._listed(rows.NODE, rows.node_name(pipeline, node), limit)
        own = (each for each in found if rows.is_of_node(row_of(each), pipeline, node))
        return self._records(list(islice(own, limit)))

    def _listed(
        self, context_type: str, context_name: str, limit: int, *, oldest_first: bool = False
    ) -> Iterator[Message]:
        """The executions of a context, in pages that suit a limit."""
        context_id = self._context_id(context_type, context_name)
        if not context_id:
            return iter(())
        page_rows = min(PAGE_ROWS, max(limit, 10))
        return self._store.executions_in(context_id, oldest_first=oldest_first, page_rows=page_rows)

    def runs(self, *, pipeline: str = "", limit: int = 50) -> list[RunRecord]:
        found = (run_of(context, self._blobs) for context in self._store.runs())
        return list(islice((run for run in found if pipeline in ("", run.pipeline)), limit))

    def run(self, run: str) -> RunRecord | None:
        context = self._store.get_context_by_type_and_name(rows.RUN, run)
        return None if context is None or context.name != run else run_of(context, self._blobs)

    def artifact(self, name: str) -> ArtifactRecord | None:
        found = self._artifacts.named(name)
        return None if found is None or found.name != name else self._artifact_record(found)

    def artifacts_by_uri(self, uri: str) -> list[ArtifactRecord]:
        found = sorted(self._store.get_artifacts_by_uri(uri), key=lambda artifact: -artifact.id)
        live = [artifact for artifact in found if artifact.state != pb.Artifact.DELETED]
        return [self._artifact_record(artifact) for artifact in live if artifact.uri == uri]

    def latest(self, type_name: str, *, pipeline: str = "", limit: int = 100) -> list[ArtifactRecord]:
        kinds = [kind for kind in self._artifact_types.all() if self._stands_for(kind, type_name)]
        pages = (self._store.artifacts_of(kind.name, kind.version) for kind in kinds)
        newest_first = merge(*pages, key=lambda artifact: -artifact.id)
        live = (self._artifact_record(artifact) for artifact in newest_first if artifact.state == pb.Artifact.LIVE)
        return list(islice((record for record in live if pipeline in ("", record.pipeline)), limit))

    def _stands_for(self, kind: Kind, type_name: str) -> bool:
        """Whether artifacts of a kind are also of the type, as the newest of them tells."""
        if kind.name == type_name:
            return True
        newest = next(self._store.artifacts_of(kind.name, kind.version), None)
        return newest is not None and self._artifact_record(newest).is_a(type_name)

    def producers(self, artifact: ArtifactRecord) -> list[ExecutionRecord]:
        return self._records(sorted(self._executions_by_id(self._users(artifact, OUTPUTS)), key=lambda each: each.id))

    def consumers(self, artifact: ArtifactRecord, *, limit: int = 1000) -> list[ExecutionRecord]:
        newest = self._users(artifact, INPUTS)[::-1][:limit]
        return self._records(sorted(self._executions_by_id(newest), key=lambda each: -each.id))

    def _executions_by_id(self, ids: Sequence[int]) -> list[Message]:
        return in_chunks(self._store.get_executions_by_id, ids)

    def _users(self, artifact: ArtifactRecord, directions: tuple[int, ...]) -> list[int]:
        """The ids of executions that have this artifact among their edges of these directions, oldest first."""
        known = self._artifacts.given_ids((Edge(key="", index=0, artifact=artifact),))[0].artifact
        events = self._store.get_events_by_artifact_ids([known.id])
        return sorted({event.execution_id for event in events if event.type in directions})

    def _put(
        self, message: Message, pairs: list[Pair], contexts: list[Message], *, reuse: bool
    ) -> tuple[int, list[int], list[int]]:
        """`force_reuse_context` makes contexts that are given by id ties only: they are not written again."""
        return self._store.put_execution(
            message, pairs, contexts, reuse_context_if_already_exist=reuse, force_reuse_context=True
        )

    def _message(self, execution: ExecutionRecord) -> Message:
        row = rows.execution_row(execution, self._blobs)
        type_id = self._execution_types.id(_wanted(execution, row))
        return filled(pb.Execution(type_id=type_id, name=execution.name, last_known_state=STATES[execution.state]), row)

    def _output_pairs(self, execution: ExecutionRecord) -> list[Pair]:
        kind = pb.Event.INTERNAL_OUTPUT if execution.internal else pb.Event.OUTPUT
        return [
            (None if edge.artifact.id else self._new_artifact(edge.artifact, execution.inputs), _event(kind, edge))
            for edge in rows.first_uses(execution.outputs)
        ]

    def _new_artifact(self, artifact: ArtifactRecord, inputs: tuple[Edge, ...]) -> Message:
        row = rows.artifact_row(artifact, self._blobs, inputs=inputs)
        type_id = self._artifact_types.id(_wanted(artifact, row))
        return filled(pb.Artifact(type_id=type_id, name=artifact.name, uri=artifact.uri, state=pb.Artifact.LIVE), row)

    def _own_contexts(self, execution: ExecutionRecord) -> list[tuple[str, str]]:
        node = (rows.NODE, rows.node_name(execution.pipeline, execution.node))
        return [node, (rows.CACHE, execution.cache_key)] if execution.cache_key else [node]

    def _run_contexts(self, execution: ExecutionRecord) -> list[Message]:
        ids = [self._context_id(rows.PIPELINE, execution.pipeline), self._context_id(rows.RUN, execution.run)]
        if not all(ids):
            raise LineageError(
                f"run {execution.run!r} of pipeline {execution.pipeline!r} is not open, so {execution.name!r} "
                f"cannot be recorded; call open_run first"
            )
        return [pb.Context(id=number) for number in ids]

    def _by_id_or_new(self, key: tuple[str, str], execution: ExecutionRecord) -> Message:
        if known := self._context_ids.get(key):
            return pb.Context(id=known)
        return self._new_context(*key, self._owner_row(key[0], execution))

    def _by_id(self, key: tuple[str, str], execution: ExecutionRecord) -> Message:
        return pb.Context(id=self._context_id(*key) or self._ensured(*key, self._owner_row(key[0], execution)).id)

    def _owner_row(self, context_type: str, execution: ExecutionRecord) -> Row:
        """Cache keys belong to nobody."""
        return rows.owner_row(execution.project, execution.actor, self._blobs) if context_type == rows.NODE else Row()

    def _new_context(self, type_name: str, name: str, row: Row) -> Message:
        return filled(pb.Context(type_id=self._context_types[type_name], name=name), row)

    def _ensured(self, type_name: str, name: str, row: Row) -> Message:
        """The context of this name; inserted if nobody has."""
        found = self._store.get_context_by_type_and_name(type_name, name)
        if found is None:
            with suppress(errors.AlreadyExistsError):  # another process was faster
                self._store.put_contexts([self._new_context(type_name, name, row)])
            found = self._store.get_context_by_type_and_name(type_name, name)
        if found is None:
            raise LineageError(
                f"the {type_name} context {name!r} was inserted and is not there; was the store swapped?"
            )
        self._context_ids[type_name, name] = found.id
        return found

    def _context_id(self, type_name: str, name: str) -> int:
        """0 where there is none."""
        known = self._context_ids.get((type_name, name), 0)
        found = None if known else self._store.get_context_by_type_and_name(type_name, name)
        if found is not None and found.name == name:  # stores cut names at NUL, and some confuse capitals
            known = found.id
            if type_name != rows.COMMIT:
                self._context_ids[type_name, name] = known
        return known

    def _begun_before(self, execution: ExecutionRecord) -> _Begun | None:
        """The execution as another session or process has begun it."""
        found = self._executions_named(execution.name, self._execution_types.versions(execution.type_name))
        return next((_Begun(id=record.id, inputs=record.inputs) for record in self._records(found)), None)

    def _executions_named(self, name: str, kinds: Iterable[Kind]) -> list[Message]:
        for kind in kinds:
            found = self._store.get_execution_by_type_and_name(kind.name, name, kind.version or None)
            if found is not None and found.name == name:
                return [found]
        return []

    def _records(self, messages: Sequence[Message]) -> list[ExecutionRecord]:
        """Executions with their edges, in few calls for all of them."""
        events = in_chunks(self._store.get_events_by_execution_ids, [message.id for message in messages])
        ids = sorted({event.artifact_id for event in events})
        found = in_chunks(self._store.get_artifacts_by_id, ids)
        artifacts = {artifact.id: self._artifact_record(artifact) for artifact in found}
        by_execution: dict[int, list[Message]] = {}
        for event in events:
            by_execution.setdefault(event.execution_id, []).append(event)
        return [self._execution_record(each, by_execution.get(each.id, []), artifacts) for each in messages]

    def _execution_record(
        self, message: Message, events: Sequence[Message], artifacts: Mapping[int, ArtifactRecord]
    ) -> ExecutionRecord:
        inputs, outputs = (
            tuple(edge_of(event, artifacts) for event in events if event.type in directions)
            for directions in (INPUTS, OUTPUTS)
        )
        state = READ_STATES.get(message.last_known_state, ExecutionState.RUNNING)
        record = execution_of(message, state, inputs, outputs, self._blobs)
        return replace(record, system_type=self._execution_types.system_type(message.type_id))

    def _artifact_record(self, message: Message) -> ArtifactRecord:
        self._artifacts.see(message.id, message.name)
        record = artifact_of(message, self._blobs)
        system_type = self._artifact_types.system_type(message.type_id)
        return replace(record, system_type=system_type, deleted=message.state == pb.Artifact.DELETED)


def _event(kind: int, edge: Edge) -> Message:
    event = pb.Event(type=kind, artifact_id=edge.artifact.id or None)
    event.path.steps.add().key = edge.key
    event.path.steps.add().index = edge.index
    return event


def _input_pairs(edges: Iterable[Edge]) -> list[Pair]:
    """Events alone leave the artifacts as they are; an artifact given by its id would lose its properties."""
    return [(None, _event(pb.Event.INPUT, edge)) for edge in rows.first_uses(edges)]


def _wanted(record: ExecutionRecord | ArtifactRecord, row: Row) -> Kind:
    """The type that a record needs; fields are of exactly their values' types, so that they are read as written."""
    fields = {key: FIELD_TYPES[type(value)] for key, value in row.declared.items()}
    return Kind(name=record.type_name, system_type=record.system_type, fields=fields)


def opened(url: StoreUrl, blobs: Blobs, retry: RetryPolicy) -> Session:
    """A new handle on the store; raises LineageError for a damaged SQLite file."""
    config = pb.ConnectionConfig()
    config.retry_options.max_num_retries = 1  # one try; 0 would mean for ever, and their own pauses last seconds
    match url.engine:
        case Engine.SQLITE:
            config.sqlite.filename_uri = url.database
            config.sqlite.connection_mode = pb.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
            return _opened_file(config, Path(url.database), blobs, retry)
        case Engine.MYSQL:
            server = config.mysql
            server.database, server.port = url.database, url.port
        case Engine.POSTGRESQL:
            server = config.postgresql
            server.dbname, server.port = url.database, str(url.port)
    server.host, server.user, server.password = url.host, url.user, url.password
    return Session(_Client(config), blobs)


def _opened_file(config: Message, path: Path, blobs: Blobs, retry: RetryPolicy) -> Session:
    with sqlite_file.opened_alone(path, deadline_s=retry.deadline_s):
        try:
            return Session(_Client(config), blobs)
        except (RuntimeError, errors.InternalError) as error:
            if damage := sqlite_file.damage(path):
                raise LineageError(f"{path} is damaged or no database: {damage}. Restore it from a copy") from error
            raise
