"""What a model is asked on trial: requests of its recorded rows or generated ones, in the batch sizes of its warm-up.
Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from cmcore.errors import UsageError
from cmcore.inference.interface import Interface
from cmcore.inference.request import InferenceRequest
from cmcore.inference.sample import EXAMPLE_FILE, SEED, generated, request_of
from cmcore.serving.document import WarmUp

Rows = Sequence[Mapping[str, object]]


def questions(interface: Interface, rows: Rows, warm_up: WarmUp, count: int = 0) -> Iterator[InferenceRequest]:
    """`count` requests (0: as many as the warm-up says) of each batch size, each with an id of its own; recorded rows
    come round again. Raises UsageError where recorded rows are demanded and there are none."""
    if warm_up.source == "recorded" and not rows:
        raise UsageError(f"the warm-up asks for recorded requests, and the model's folder has no {EXAMPLE_FILE}")
    use = interface.batched and bool(rows) and warm_up.source != "generated"
    sizes = warm_up.batch_sizes if interface.batched else (1,)
    for size in sizes:
        for number in range(count or warm_up.requests):
            name = f"{size}-{number}"
            if use:
                first = number * size
                chosen = [dict(rows[(first + place) % len(rows)]) for place in range(size)]
                yield request_of(chosen, interface, id=name)
            else:
                yield generated(interface, size, seed=SEED + number, id=name)


def sample_requests(interface: Interface, rows: Rows, most: int) -> Iterator[tuple[int, InferenceRequest]]:
    """Each recorded row once, in requests of at most so many rows: the first row's place, and the request."""
    for first in range(0, len(rows), most):
        yield first, request_of([dict(row) for row in rows[first : first + most]], interface, id=f"recorded-{first}")
