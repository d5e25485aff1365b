"""Whether an earlier batch prediction still holds, so that its result may be taken from the cache."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue

from cmcore import Secret
from cmcore_models import BatchPredictor
from cmcore_models.batch.shards import digest_of

LOCAL = ("workers", "threads", "work_folder", "database", "password", "table")  # they change nothing of the rows


def still_written(
    *,
    parameters: Mapping[str, JsonValue],
    outputs: Mapping[str, Mapping[str, object]],  # noqa: ARG001 # what checks are called with
    input_digests: Mapping[str, str],
) -> bool:
    """Whether the database still has every shard; true where none was asked for."""
    if not parameters.get("database"):
        return True
    from cmcore_models.batch.table import is_complete, opened

    password = Secret[str].parse(str(parameters["password"])).reveal() if parameters.get("password") else None
    source = input_digests.get("examples") or input_digests.get("files") or ""
    with opened(str(parameters["database"]), password) as engine:
        return is_complete(engine, str(parameters["table"]), job_digest(input_digests["model"], source, parameters))


def job_digest(model: str, source: str, parameters: Mapping[str, JsonValue]) -> str:
    """What names all of a job's shards together: the model, the rows, and how they were asked for."""
    declared = {key: spec.default for key, spec in BatchPredictor.spec.parameters.items() if key not in LOCAL}
    return digest_of([model, source, {key: parameters.get(key, default) for key, default in declared.items()}])
