"""Which names and addresses may be recorded: what every metadata store keeps apart from every other name.

MariaDB takes `a`, `A` and `a ` for one name, all stores cut names at NUL, and two of three refuse long ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from cmcore.errors import LineageError
from cmcore.lineage.record import ArtifactRecord, ExecutionRecord, ExecutionState, RunRecord

ADDRESS = re.compile(r"[a-z0-9._@/-]{1,200}")
PART = re.compile(r"[a-z0-9._-]{1,63}")
CACHE_KEY = re.compile(r"[a-z0-9:._-]{1,200}")
TYPE = re.compile(r"[^\x00-\x1f\x7f]{0,199}[^\x00-\x20\x7f]")
MAX_URI_BYTES = 2_000  # PostgreSQL indexes the URI: from about 2,700 bytes on it refuses the row


def check_run(run: RunRecord) -> None:
    """Raises LineageError where a name of the run could not be kept apart from others."""
    _check("pipeline", run.pipeline, PART)
    _check("run", run.run, PART)


def check_begin(execution: ExecutionRecord) -> None:
    """Raises LineageError unless this is a RUNNING execution that can be recorded."""
    if execution.state is not ExecutionState.RUNNING:
        raise LineageError(f"execution {execution.name!r} begins as {execution.state}; begin takes RUNNING")
    _check_execution(execution)


def check_commit(execution: ExecutionRecord) -> None:
    """Raises LineageError unless this is an ended execution that can be recorded."""
    if execution.state is ExecutionState.RUNNING:
        raise LineageError(f"execution {execution.name!r} is RUNNING; commit takes one of the terminal states")
    _check_execution(execution)
    new = [edge.artifact for edge in execution.outputs if not edge.artifact.id]
    for artifact in new:
        _check_artifact(artifact)
    names = [artifact.name for artifact in new]
    if len(set(names)) != len(names):
        raise LineageError(f"execution {execution.name!r} names two new output artifacts alike: {sorted(names)}")


def check_keys(keys: Iterable[str], *, reserved: Iterable[str] = ()) -> None:
    """Raises LineageError for property names that some store would refuse, cut or take for one another."""
    seen: dict[str, str] = {}
    taken = set(reserved)
    for key in keys:
        _check("property", key, TYPE)
        if key in taken:
            raise LineageError(f"property {key!r} is a field of the record itself; choose another name")
        twin = seen.setdefault(key.casefold(), key)
        if twin != key:
            raise LineageError(f"properties {twin!r} and {key!r} differ only in case, which MySQL does not see")


def _check_execution(execution: ExecutionRecord) -> None:
    _check("execution", execution.name, ADDRESS)
    _check("execution type", execution.type_name, TYPE)
    _check("pipeline", execution.pipeline, PART)
    _check("run", execution.run, PART)
    _check("node", execution.node, PART)
    if execution.cache_key:
        _check("cache key", execution.cache_key, CACHE_KEY)
    for edges in (execution.inputs, execution.outputs):
        for edge in edges:
            _check("key", edge.key, TYPE)
        places = [(edge.key, edge.index) for edge in edges]
        if len(set(places)) != len(places):
            raise LineageError(f"execution {execution.name!r} has two artifacts at one (key, index): {sorted(places)}")


def _check_artifact(artifact: ArtifactRecord) -> None:
    _check("artifact", artifact.name, ADDRESS)
    _check("artifact type", artifact.type_name, TYPE)
    if "\0" in artifact.uri or len(artifact.uri.encode(errors="replace")) > MAX_URI_BYTES:
        raise LineageError(
            f"artifact {artifact.name!r} has a URI of {len(artifact.uri)} characters or with NUL in it; "
            f"at most {MAX_URI_BYTES} bytes without NUL can be recorded"
        )


def _check(what: str, name: str, allowed: re.Pattern[str]) -> None:
    if not allowed.fullmatch(name):
        shown = name if len(name) <= 80 else f"{name[:80]}... ({len(name)} characters)"
        raise LineageError(f"{what} name {shown!r} cannot be recorded; allowed: {allowed.pattern}")
