"""Which waiting requests are answered together: a table, and what holds for every queue."""

from __future__ import annotations

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmcore.serving.document import Batching
from cmcore_ray.batching import Turn, Waiting, joined, kind_of, next_turn, split

NOW = 10.0


def waiting(rows: int, kind: str = "a", since: float = NOW) -> Waiting:
    return Waiting(rows, kind, since)


PATIENT = Batching(max_batch_size=8, max_delay_us=1_000_000)
QUICK = Batching(max_batch_size=8)
TABLE = {
    "alone, nobody waits": (QUICK, [waiting(1)], Turn(1)),
    "all that are there": (QUICK, [waiting(1), waiting(2), waiting(3)], Turn(3)),
    "as many as fit": (QUICK, [waiting(5), waiting(3), waiting(1)], Turn(2)),
    "one that does not fit waits": (QUICK, [waiting(5), waiting(4)], Turn(1)),
    "another kind waits": (QUICK, [waiting(1), waiting(1, "b"), waiting(1)], Turn(1)),
    "one waits for others": (PATIENT, [waiting(1, since=NOW - 0.25)], Turn(0, 0.75)),
    "one has waited long enough": (PATIENT, [waiting(1, since=NOW - 1), waiting(1)], Turn(2)),
    "a full one does not wait": (PATIENT, [waiting(8)], Turn(1)),
    "one before another kind does not wait": (PATIENT, [waiting(1), waiting(1, "b")], Turn(1)),
    "a preferred size does not wait": (
        Batching(max_batch_size=8, max_delay_us=1_000_000, preferred_batch_sizes=(4,)),
        [waiting(2), waiting(2), waiting(1)],
        Turn(2),
    ),
    "switched off": (Batching(max_batch_size=8, enabled=False), [waiting(1), waiting(1)], Turn(1)),
}


@pytest.mark.parametrize("case", sorted(TABLE))
def test_a_turn_is_as_the_table_says(case: str) -> None:
    batching, queue, turn = TABLE[case]
    assert next_turn(queue, batching, True, NOW) == turn


def test_without_rows_nothing_is_joined() -> None:
    assert next_turn([waiting(1), waiting(1)], QUICK, False, NOW) == Turn(1)


QUEUES = st.lists(
    st.builds(Waiting, st.integers(1, 8), st.sampled_from("ab"), st.floats(0, NOW)), min_size=1, max_size=20
)
BATCHINGS = st.builds(
    Batching,
    max_batch_size=st.just(8),
    max_delay_us=st.integers(0, 10**7),
    preferred_batch_sizes=st.lists(st.integers(1, 8), max_size=2).map(tuple),
    enabled=st.booleans(),
)


@given(queue=QUEUES, batching=BATCHINGS)
def test_a_turn_never_has_too_many_rows_or_mixes_kinds(queue: list[Waiting], batching: Batching) -> None:
    taken = queue[: next_turn(queue, batching, True, NOW).count]
    assert (sum(each.rows for each in taken) <= 8, len({each.kind for each in taken}) <= 1) == (True, True)


@given(queue=QUEUES, batching=BATCHINGS)
def test_either_somebody_is_answered_or_the_wait_has_an_end(queue: list[Waiting], batching: Batching) -> None:
    turn = next_turn(queue, batching, True, NOW)
    assert turn.count > 0 or 0 < turn.wait_s <= batching.max_delay_us / 1e6


@given(sizes=st.lists(st.integers(1, 5), min_size=1, max_size=6))
def test_what_was_joined_is_split_as_it_was(sizes: list[int]) -> None:
    starts = numpy.cumsum([0, *sizes[:-1]])
    parts = [{"x": numpy.arange(start, start + size)} for start, size in zip(starts, sizes, strict=True)]
    found = split(joined(parts), sizes)
    assert [each["x"].tolist() for each in found] == [part["x"].tolist() for part in parts]


def test_other_sizes_or_inputs_are_another_kind() -> None:
    x, wide = numpy.zeros((1, 2)), numpy.zeros((1, 3))
    assert len({kind_of({"x": x}), kind_of({"x": wide}), kind_of({"x": x, "b": x})}) == 3
