"""`$BENCHMARK_NODES` nodes that sleep half a second and ask for no CPU."""

import os
import time

from cmcore import Parameter, Resources, component, pipeline


@component(resources=Resources(cpu_cores=0))
def sleep(number: Parameter[int]) -> None:  # noqa: ARG001 # tells the nodes apart in the cache
    """Sleep."""
    time.sleep(0.5)


@pipeline
def sleepers() -> None:
    for number in range(int(os.environ["BENCHMARK_NODES"])):
        sleep(number=number)
