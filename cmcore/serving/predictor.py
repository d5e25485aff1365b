"""Predictor: what computes answers, given a model's folder. A server's process imports it, with or without cmcore.

A provider of kind `flavor` is named after the flavor of MLflow's layout that it runs. Its factory is called as
`factory(folder, settings)`, once per instance of a served model; `settings` are `PredictorSettings` as JSON. Its
module is one file that imports nothing of cmcore and no other file of its plugin: a backend may copy it to where a
server is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol, TypedDict

if TYPE_CHECKING:
    import numpy

    from cmcore.inference.interface import Interface

    Array = numpy.ndarray[tuple[int, ...], numpy.dtype[numpy.generic]]


class TensorSettings(TypedDict):
    """One tensor of the interface: `datatype` is the protocol's word, `shape` leaves out the rows of a batch."""

    name: str
    datatype: str
    shape: list[int]
    optional: bool


class PredictorSettings(TypedDict):
    """What a predictor is told: the interface, whether tensors begin with rows, threads to compute with."""

    inputs: list[TensorSettings]
    outputs: list[TensorSettings]
    batched: bool
    threads: int


def predictor_settings(interface: Interface, *, threads: int) -> PredictorSettings:
    """What a predictor of this interface is told."""
    inputs, outputs = (
        [
            TensorSettings(name=it.name, datatype=it.datatype.value, shape=list(it.shape), optional=it.optional)
            for it in side
        ]
        for side in (interface.inputs, interface.outputs)
    )
    return PredictorSettings(inputs=inputs, outputs=outputs, batched=interface.batched, threads=threads)


class Predictor(Protocol):
    """One loaded model. One thread calls it at a time.

    It may also have a method `metrics()` that gives numbers by name, such as the hit rate of a cache of its own; a
    backend that can exports them: names that end in `_total` are counters, the others gauges.
    """

    def predict(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """The outputs for the inputs, by name, as the interface says: rows first where it is batched, an array of BYTES
        has elements of `bytes` or `str` (dtype object). An optional input may be missing. Raises any exception where
        the inputs cannot be computed with; its text is told to the caller."""
        ...
