"""One side of the comparison in a process of its own: `python -m benchmarks.registry_side cmcore|mlflow URL COUNT`.

It fills its database, then answers each line `OPERATION TIMES` with how many milliseconds each time took, as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from itertools import count

from benchmarks.registry_versions import BANDS, RegistrySide, Sample


def opened(side: str, url: str) -> RegistrySide:
    """The side of this name; only its own libraries are imported."""
    if side == "mlflow":
        from benchmarks.registry_mlflow import Theirs

        return Theirs(url)
    from benchmarks.registry_cmcore import Ours

    return Ours(url)


def operations(side: RegistrySide, filled: int) -> Mapping[str, Callable[[], bool]]:
    """Everything that can be asked for; each answers whether it did what it should."""
    numbers = count(filled)
    return {
        "register": lambda: side.register(Sample(number=next(numbers))) == 1,
        "alias": lambda: side.alias() == 1,
        "band": lambda: side.band() == filled // BANDS,
        "metric": lambda: not 0 < side.metric() < filled // BANDS,
        "everything": lambda: side.everything() >= filled,
    }


def timed(operation: Callable[[], bool], times: int) -> list[float]:
    """The milliseconds of each time."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        right = operation()
        taken.append((time.perf_counter() - started) * 1000)
        if not right:
            raise AssertionError("a registry answered something else than was put into it")
    return taken


def main(name: str, url: str, filled: int) -> None:
    """Fill, say so, answer until the input ends."""
    side = opened(name, url)
    side.fill(filled)
    known = operations(side, filled)
    print("ready", flush=True)  # noqa: T201 # what the asking process waits for
    for line in sys.stdin:
        operation, times = line.split()
        print(json.dumps(timed(known[operation], int(times))), flush=True)  # noqa: T201 # the answer


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
