"""One source, `$BENCHMARK_NODES` nodes that read it and not each other, and one that reads all of these."""

import os

from lists import append, join, start  # type: ignore[import-not-found] # beside it in the project they are copied into

from cmcore import pipeline


@pipeline
def fan_out() -> None:
    source = start()
    parts = [append(before=source.numbers, number=number) for number in range(int(os.environ["BENCHMARK_NODES"]))]
    join(parts=[part.numbers for part in parts])
