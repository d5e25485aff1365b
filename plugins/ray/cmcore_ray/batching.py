"""Which waiting requests are answered together. Pure: sizes and times in, how many to take or how long to wait out."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy

from cmcore.serving.document import Batching
from cmcore_ray.codec.arrays import Array


@dataclass(frozen=True, slots=True)
class Waiting:
    """One request in the queue: only those of equal `kind` can be joined."""

    rows: int
    kind: Hashable
    since: float


@dataclass(frozen=True, slots=True)
class Turn:
    """How many requests from the queue's front are answered now; none where it is better to wait."""

    count: int
    wait_s: float = 0.0


def next_turn(queue: Sequence[Waiting], batching: Batching, batched: bool, now: float) -> Turn:
    """The turn of a queue that is not empty, as Triton's dynamic batcher takes it: as many as fit, a preferred number
    of rows at once, any other once the first has waited `max_delay_us`."""
    if not batched or not batching.enabled:
        return Turn(1)
    sums = running_sums(queue, batching.max_batch_size)
    preferred = [count for count, rows in enumerate(sums, start=1) if rows in batching.preferred_batch_sizes]
    if preferred:
        return Turn(preferred[-1])
    full = len(sums) < len(queue) or sums[-1] >= batching.max_batch_size
    wait_s = queue[0].since + batching.max_delay_us / 1e6 - now
    return Turn(len(sums)) if full or wait_s <= 0 else Turn(0, wait_s)


def running_sums(queue: Sequence[Waiting], limit: int) -> list[int]:
    """The rows of the first, of the first two, ... as far as they can be joined; the first always counts."""
    sums = [queue[0].rows]
    for each in queue[1:]:
        if each.kind != queue[0].kind or sums[-1] + each.rows > limit:
            break
        sums.append(sums[-1] + each.rows)
    return sums


def kind_of(inputs: Mapping[str, Array]) -> Hashable:
    """What must be equal for inputs to be joined: their names, and their sizes but for the rows."""
    return tuple(sorted((name, array.shape[1:]) for name, array in inputs.items()))


def joined(parts: Sequence[Mapping[str, Array]]) -> Mapping[str, Array]:
    """The inputs of several requests as those of one."""
    if len(parts) == 1:
        return parts[0]
    return {name: numpy.concatenate([part[name] for part in parts]) for name in parts[0]}


def split(outputs: Mapping[str, Array], rows: Sequence[int]) -> list[Mapping[str, Array]]:
    """Each request's part of the outputs."""
    ends = [sum(rows[: index + 1]) for index in range(len(rows))]
    return [
        {name: array[end - count : end] for name, array in outputs.items()}
        for end, count in zip(ends, rows, strict=True)
    ]
