"""A worker of batch prediction: `python -m cmcore_models.batch.work PARENT`, an order and then shards by standard
input, a line each; what became of each by standard output. It dies with its parent.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import IO, cast

from cmcore import CodeRef
from cmcore.serving.predictor import Predictor, PredictorSettings, predictor_settings
from cmcore_models.batch.document import Order

PR_SET_PDEATHSIG = 1


def main(parent: int) -> None:
    """Answer until the parent closes our input; what libraries print goes to standard error."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        return
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    asked = sys.stdin
    paths, order = json.loads(asked.readline())
    sys.path[:] = paths
    try:
        finish = finisher(Order.model_validate(order))
    except Exception as error:  # noqa: BLE001 # the border: a model's folder may hold anything
        answers.write(json.dumps(failure(error)) + "\n")
        return
    serve(asked, answers, finish)


def serve(asked: IO[str], answers: IO[str], finish: Callable[[str], str]) -> None:
    """One answer per line that is asked."""
    for line in asked:
        try:
            answers.write(json.dumps({"finished": finish(line)}) + "\n")
        except Exception as error:  # noqa: BLE001 # the border: what is raised is told to the parent
            answers.write(json.dumps(failure(error)) + "\n")


def failure(error: Exception) -> dict[str, str]:
    """What is told of an exception; the parent's own log gets the traceback."""
    traceback.print_exception(error)
    return {"failed": str(error), "type": type(error).__name__}


def finisher(order: Order) -> Callable[[str], str]:
    """What finishes one shard, with the model loaded. Heavy libraries are imported here only."""
    from pathlib import Path

    import pyarrow as pa

    from cmcore_models.batch.answers import Asker, BadRows
    from cmcore_models.batch.finished import PART, keep
    from cmcore_models.batch.rows import predicted
    from cmcore_models.batch.shards import Shard

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    bad = BadRows(allowed=order.null_bad_rows)
    asker = Asker(predictor=predictor_of(order), interface=order.interface, bad=bad)
    folder = Path(order.folder)

    def finish(line: str) -> str:
        shard = Shard.model_validate_json(line)
        part = folder / f"{shard.digest}.{os.getpid()}{PART}"
        rows, found = predicted(shard, asker, order.keep, order.batch_rows, part)
        return keep(part, folder, shard.digest, rows, found.count, found.first).model_dump_json()

    return finish


def predictor_of(order: Order) -> Predictor:
    """The model, loaded."""
    factory = cast("Callable[[str, PredictorSettings], Predictor]", CodeRef(order.factory).load())
    return factory(order.model, predictor_settings(order.interface, threads=order.threads))


if __name__ == "__main__":
    main(int(sys.argv[1]))
