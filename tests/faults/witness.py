"""Reads the databases that drivers left, with plain ml_metadata and SQL and none of cmcore, and says what is wrong.

Run as a process: a line of JSON in (`url`, `state`, `outside`, `runs`), a line of JSON out (pairs of kind and text).
"""

from __future__ import annotations

import hashlib
import json
import logging
import sqlite3
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

Finding = tuple[str, str]
PUBLISHED = ("COMPLETE", "CACHED")
CLOCKS_MS = 2  # ML-Metadata rounds its milliseconds


def opened(url: str) -> Any:  # ml_metadata has no types
    """A store of ML-Metadata's own."""
    from ml_metadata import MetadataStore
    from ml_metadata.proto import metadata_store_pb2 as pb

    logging.getLogger("absl").setLevel(logging.CRITICAL)
    parts, config = urlsplit(url), pb.ConnectionConfig()
    if parts.scheme == "sqlite":
        config.sqlite.filename_uri = parts.path
        return MetadataStore(config)
    server = config.postgresql if parts.scheme == "postgresql" else config.mysql
    server.host, server.user, server.password = parts.hostname, parts.username, parts.password
    if parts.scheme == "postgresql":
        server.dbname, server.port = parts.path[1:], str(parts.port)
    else:
        server.database, server.port = parts.path[1:], parts.port
    return MetadataStore(config)


def findings(store: Any, state: Path, outside: Path, run: str) -> Iterator[Finding]:
    """Everything that is wrong with one run that has ended well."""
    with closing(sqlite3.connect(f"file:{state}?mode=ro", uri=True)) as database:
        row = database.execute("SELECT state, plan FROM runs WHERE run = ?", (run,)).fetchone()
        if row is None:
            yield "lost", f"{run}: the run itself is not recorded"
            return
        yield from state_findings(database, run, row[0])
        events = database.execute("SELECT kind, node, data FROM events WHERE run = ?", (run,)).fetchall()
    nodes = {node["name"]: node["spec"] for node in json.loads(row[1])["nodes"]}
    context = store.get_context_by_type_and_name("pipeline_run", run)
    if context is None:
        yield "lost", f"{run}: no pipeline_run context"
        return
    if not any(key.startswith("cm:code_version") for key in context.custom_properties):
        yield "lost", f"{run}: its facts (code version, environment, parameters) are not recorded"
    executions = store.get_executions_by_context(context.id)
    yield from execution_findings(run, nodes, executions)
    yield from event_findings(run, nodes, executions, events)
    yield from edge_findings(store, nodes, [each for each in executions if state_of(each) in PUBLISHED])
    yield from call_findings(run, executions, outside)


def state_findings(database: sqlite3.Connection, run: str, state: str) -> Iterator[Finding]:
    """The run's row, its lease, and the numbers of the journal."""
    if state != "SUCCEEDED":
        yield "lost", f"{run}: its row says {state}"
    for (pid,) in database.execute("SELECT pid FROM leases WHERE name = ? AND held", (f"run/{run}",)):
        if Path(f"/proc/{pid}").exists():  # a lease of a process that is gone is free
            yield "other", f"{run}: its lease is still held by process {pid}"
    numbers = [seq for (seq,) in database.execute("SELECT seq FROM events ORDER BY seq")]
    if numbers != list(range(1, len(numbers) + 1)):
        yield "lost", f"{run}: the journal has gaps: {len(numbers)} events, the last is {numbers[-1]}"


def state_of(execution: Any) -> str:
    """The state's name."""
    from ml_metadata.proto import metadata_store_pb2 as pb

    return str(pb.Execution.State.Name(execution.last_known_state))


def node_of(execution: Any) -> str:
    """The node that an execution names: run/node/attempt."""
    return str(execution.name.split("/")[1])


def execution_findings(run: str, nodes: dict[str, Any], executions: list[Any]) -> Iterator[Finding]:
    """One published execution per node, as its last, and none left open."""
    published = Counter(node_of(each) for each in executions if state_of(each) in PUBLISHED)
    for node in nodes:
        if published[node] == 0:
            yield "lost", f"{run}/{node}: not published"
        if published[node] > 1:
            yield "duplicated", f"{run}/{node}: published {published[node]} times"
    for each in executions:
        if state_of(each) == "RUNNING":
            yield "other", f"{each.name}: left RUNNING"
        last = max(int(it.name.split("/")[2]) for it in executions if node_of(it) == node_of(each))
        if state_of(each) in PUBLISHED and int(each.name.split("/")[2]) != last:
            yield "run again", f"{each.name}: published, and attempt {last} was recorded after it"
    names = Counter(each.name for each in executions)
    yield from (("duplicated", f"{name}: {count} executions") for name, count in names.items() if count > 1)


def event_findings(run: str, nodes: dict[str, Any], executions: list[Any], events: list[Any]) -> Iterator[Finding]:
    """The journal tells of every published node once, and of the run's end."""
    told = Counter(node for kind, node, data in events if kind == "node.finished" and _published(data))
    for node in nodes:
        if told[node] != 1:
            kind = "duplicated" if told[node] else "lost"
            yield kind, f"{run}/{node}: its end is journaled {told[node]} times"
    if not any(kind == "run.finished" and json.loads(data)["state"] == "SUCCEEDED" for kind, _, data in events):
        yield "lost", f"{run}: its end is not journaled"


def _published(data: str) -> bool:
    return json.loads(data)["state"] in PUBLISHED


def edge_findings(store: Any, nodes: dict[str, Any], executions: list[Any]) -> Iterator[Finding]:
    """Every declared input and output has its one event, and every payload is what was recorded."""
    from ml_metadata.proto import metadata_store_pb2 as pb

    events = store.get_events_by_execution_ids([each.id for each in executions])
    artifacts = {it.id: it for it in store.get_artifacts_by_id(list({event.artifact_id for event in events}))}
    seen: set[str] = set()
    for each in executions:
        for direction, declared in ((pb.Event.INPUT, "inputs"), (pb.Event.OUTPUT, "outputs")):
            keys = [key_of(it) for it in events if (it.execution_id, it.type) == (each.id, direction)]
            wanted = nodes[node_of(each)].get(declared, {})
            if sorted(keys) != sorted(wanted):
                kind = "duplicated" if len(keys) > len(wanted) else "lost"
                yield kind, f"{each.name}: {declared} {sorted(keys)}, declared {sorted(wanted)}"
    for artifact in artifacts.values():
        if artifact.name in seen or artifact.state != pb.Artifact.LIVE:
            yield "duplicated", f"{artifact.name}: twice, or not LIVE"
        seen.add(artifact.name)
        recorded = artifact.custom_properties["cm:digest"].string_value
        if (digest := digest_of(Path(unquote(urlsplit(artifact.uri).path)))) != recorded:
            yield "lost", f"{artifact.name}: its payload is {digest}, recorded {recorded}"


def key_of(event: Any) -> str:
    """The key of an event's path; PostgreSQL gives the steps in any order."""
    return next((str(step.key) for step in event.path.steps if step.HasField("key")), "")


def digest_of(folder: Path) -> str:
    """The digest of a payload as its format says: over `SHA256 SIZE PATH NUL` of each file."""
    total = hashlib.sha256(b"cmcore payload 1\0")
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    for name in sorted(files):
        content = files[name].read_bytes()
        total.update(f"{hashlib.sha256(content).hexdigest()} {len(content)} {name}\0".encode())
    return f"sha256:{total.hexdigest()}"


def call_findings(run: str, executions: list[Any], outside: Path) -> Iterator[Finding]:
    """No executor was called after its node was published, nor without an attempt; effects happened once."""
    ended_ms = {node_of(it): it.last_update_time_since_epoch for it in executions if state_of(it) in PUBLISHED}
    calls = [line.split() for line in _lines(outside / "calls") if line.startswith(f"{run}/")]
    for key, at in calls:
        node = key.split("/")[1]
        if float(at) * 1000 > ended_ms.get(node, float("inf")) + CLOCKS_MS:
            yield "run again", f"{key}: called {float(at) * 1000 - ended_ms[node]:.0f} ms after it was published"
    attempts = Counter(node_of(each) for each in executions)
    for key, count in Counter(key for key, _ in calls).items():
        if count > attempts[key.split("/")[1]]:
            yield "run again", f"{key}: called {count} times in {attempts[key.split('/')[1]]} recorded attempts"
    effects = Counter(line for line in _lines(outside / "effects") if line.startswith(f"{run}/"))
    yield from (("duplicated", f"the effect {key} happened {it} times") for key, it in effects.items() if it > 1)
    if any(key.endswith("/push") for key, _ in calls) and not effects:
        yield "lost", f"{run}: its effect did not happen"


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def main() -> None:
    """Answer until there are no more questions; another handle for each, because servers come and go."""
    for line in sys.stdin:
        asked = json.loads(line)
        store = opened(asked["url"])
        places = Path(asked["state"]), Path(asked["outside"])
        print(json.dumps([it for run in asked["runs"] for it in findings(store, *places, run)]), flush=True)


if __name__ == "__main__":
    main()
