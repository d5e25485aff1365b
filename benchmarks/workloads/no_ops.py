"""`$BENCHMARK_NODES` nodes that do nothing and have neither inputs nor outputs."""

import os

from cmcore import Parameter, component, pipeline


@component
def nothing(number: Parameter[int]) -> None:
    """Do nothing."""


@pipeline
def no_ops() -> None:
    for number in range(int(os.environ["BENCHMARK_NODES"])):
        nothing(number=number)
