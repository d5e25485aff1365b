"""A predictor behind a queue: joined, split, one by one after a failure, refused where too many wait or too long."""

from __future__ import annotations

import asyncio
import gc
import time
import weakref
from collections.abc import Mapping
from typing import Any

import numpy
import pytest

from cmcore.serving.document import Batching, Queue
from cmcore_ray.codec.arrays import Array, of_bytes
from cmcore_ray.codec.question import Question, Served
from cmcore_ray.codec.refusal import Reason, RefusalError
from cmcore_ray.tally import Counter
from cmcore_ray.worker import Worker

UNLUCKY, MISSHAPEN, UNTYPED, SLOW = 13.0, 14.0, 15.0, 16.0


class Adding:
    """One more; remembers how many rows each call had."""

    def __init__(self) -> None:
        self.calls: list[int] = []

    def predict(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        x: Any = inputs["x"]
        self.calls.append(len(x))
        if SLOW in x:
            time.sleep(0.2)
        if UNLUCKY in x:
            raise ValueError("unlucky")
        y = (x + 1).astype("<f8" if UNTYPED in x else "<f4")
        return {"y": y[:, :3] if MISSHAPEN in x else y, "t": of_bytes([b"t"] * len(x), (len(x), 1))}


def question(served: Served, value: float, rows: int = 1) -> Question:
    x = numpy.full((rows, 4), value, dtype="<f4")
    return Question(inputs={"x": x}, outputs=served.interface.outputs, rows=rows)


def told(
    served: Served, *questions: Question, batching: Batching | None = None, queue: Queue | None = None
) -> tuple[list[Any], Adding, Counter]:
    """What became of questions that arrived together."""
    predictor, counter = Adding(), Counter()

    async def ask() -> list[Any]:
        worker = Worker(served.interface, batching or Batching(max_batch_size=8), queue or Queue(), counter)
        await worker.load(lambda: predictor)
        return await asyncio.gather(*(worker.answer(each) for each in questions), return_exceptions=True)

    return asyncio.run(ask()), predictor, counter


def test_requests_that_arrive_together_are_one_call(served: Served) -> None:
    _, predictor, _ = told(served, *(question(served, value) for value in range(4)))
    assert predictor.calls == [4]


def test_each_request_gets_its_own_rows(served: Served) -> None:
    outcomes, _, _ = told(served, question(served, 1.0, 2), question(served, 5.0, 3))
    assert [each["y"].tolist() for each in outcomes] == [[[2.0] * 4] * 2, [[6.0] * 4] * 3]


def test_a_call_has_no_more_rows_than_the_model_takes(served: Served) -> None:
    _, predictor, _ = told(served, *(question(served, 1.0, 3) for _ in range(5)))
    assert predictor.calls == [6, 6, 3]


def test_after_a_failure_each_request_is_computed_in_its_own_call(served: Served) -> None:
    outcomes, _, _ = told(served, question(served, 1.0), question(served, UNLUCKY), question(served, 2.0))
    assert [isinstance(each, RefusalError) for each in outcomes] == [False, True, False]


@pytest.mark.parametrize("value", [UNLUCKY, MISSHAPEN, UNTYPED])
def test_what_the_model_did_wrong_is_a_failure(served: Served, value: float) -> None:
    outcomes, _, _ = told(served, question(served, value))
    assert outcomes[0].reason is Reason.FAILED


def test_what_the_model_raised_is_told(served: Served) -> None:
    outcomes, _, _ = told(served, question(served, UNLUCKY))
    assert str(outcomes[0]) == "ValueError: unlucky"


def test_requests_beyond_the_queue_are_refused(served: Served) -> None:
    outcomes, _, _ = told(served, *(question(served, 1.0) for _ in range(5)), queue=Queue(max_size=2))
    assert [getattr(each, "reason", None) for each in outcomes[2:]] == [Reason.UNAVAILABLE] * 3


def test_requests_that_wait_too_long_are_refused(served: Served) -> None:
    alone = Batching(max_batch_size=8, enabled=False)
    both = [question(served, SLOW), question(served, 1.0)]
    outcomes, _, _ = told(served, *both, batching=alone, queue=Queue(timeout_us=50_000))
    assert outcomes[1].reason is Reason.UNAVAILABLE


def test_a_request_waits_for_others_no_longer_than_it_may(served: Served) -> None:
    began = time.monotonic()
    told(served, question(served, 1.0), batching=Batching(max_batch_size=8, max_delay_us=100_000))
    assert 0.1 <= time.monotonic() - began < 2.0


def test_a_worker_that_is_closed_answers_what_waits(served: Served) -> None:
    predictor = Adding()

    async def ask() -> list[Any]:
        worker = Worker(served.interface, Batching(max_batch_size=8, enabled=False), Queue(), Counter())
        await worker.load(lambda: predictor)
        asked = asyncio.gather(*(worker.answer(question(served, value)) for value in (SLOW, 2.0)))
        await asyncio.sleep(0.05)
        worker.close()
        return await asked

    assert [each["y"][0, 0] for each in asyncio.run(ask())] == [17.0, 3.0]


def test_a_worker_that_is_closed_forgets_its_predictor(served: Served) -> None:
    async def forgotten() -> bool:
        made = [Adding()]
        reference = weakref.ref(made[0])
        worker = Worker(served.interface, Batching(), Queue(), Counter())
        await worker.load(made.pop)
        worker.close()
        await asyncio.sleep(0.2)
        gc.collect()
        return reference() is None

    assert asyncio.run(forgotten())


def test_seconds_of_computing_are_counted(served: Served) -> None:
    _, _, counter = told(served, question(served, SLOW))
    assert counter.compute_s >= 0.2
