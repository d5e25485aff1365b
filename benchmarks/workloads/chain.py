"""`$BENCHMARK_NODES` nodes, of which each reads what the one before it wrote."""

import os

from lists import append, start  # type: ignore[import-not-found] # beside it in the project they are copied into

from cmcore import pipeline


@pipeline
def chain() -> None:
    last = start()
    for number in range(1, int(os.environ["BENCHMARK_NODES"])):
        last = append(before=last.numbers, number=number)
