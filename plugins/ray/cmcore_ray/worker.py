"""Worker: a predictor in a thread of its own, asked by one queue of requests at a time, joined where they may be."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy

from cmcore.inference.interface import Interface
from cmcore.serving.document import Batching, Queue
from cmcore.serving.predictor import Predictor
from cmcore_ray.batching import Waiting, joined, kind_of, next_turn, split
from cmcore_ray.codec.arrays import Array
from cmcore_ray.codec.question import Question, checked_output
from cmcore_ray.codec.refusal import Reason, RefusalError
from cmcore_ray.tally import Counter

Outputs = Mapping[str, Array]
Outcome = Outputs | RefusalError


@dataclass(slots=True, kw_only=True)
class Job:
    """A request in the queue, and where its outcome goes."""

    question: Question
    waiting: Waiting
    outcome: asyncio.Future[Outputs]


class Worker:
    """Made within the event loop that asks it."""

    def __init__(self, interface: Interface, batching: Batching, queue: Queue, counter: Counter) -> None:
        self._interface, self._batching, self._limits, self._counter = interface, batching, queue, counter
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="predictor")
        self._queue: deque[Job] = deque()
        self._arrived = asyncio.Event()
        self._predictor: Predictor | None = None
        self._turns: asyncio.Task[None] | None = None
        self._closing = False

    async def load(self, make: Callable[[], Predictor]) -> None:
        """Make the predictor, in the thread that will ask it; raises what that raises."""
        self._predictor = await asyncio.get_running_loop().run_in_executor(self._thread, make)
        self._turns = asyncio.create_task(self._take_turns())

    async def answer(self, question: Question) -> Outputs:
        """The outputs that the question wants; raises RefusalError."""
        if self._limits.max_size and len(self._queue) >= self._limits.max_size:
            raise RefusalError(f"{len(self._queue)} requests wait already, as many as may", Reason.UNAVAILABLE)
        waiting = Waiting(question.rows, kind_of(question.inputs), time.monotonic())
        outcome: asyncio.Future[Outputs] = asyncio.get_running_loop().create_future()
        self._queue.append(Job(question=question, waiting=waiting, outcome=outcome))
        self._arrived.set()
        return await outcome

    def close(self) -> None:
        """Forget the predictor, once all that waits is answered."""
        self._closing = True
        self._arrived.set()

    async def _take_turns(self) -> None:
        while self._queue or not self._closing:
            self._forget_the_late()
            if not self._queue:
                await self._arrival(None)
                continue
            now = time.monotonic()
            turn = next_turn([job.waiting for job in self._queue], self._batching, self._interface.batched, now)
            if turn.count:
                await self._compute([self._queue.popleft() for _ in range(turn.count)], now)
            else:
                await self._arrival(turn.wait_s)
        self._predictor = None
        self._thread.shutdown(wait=False)

    async def _arrival(self, timeout_s: float | None) -> None:
        """Until a request arrives, or as long as may be waited for one."""
        self._arrived.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._arrived.wait(), timeout_s)

    def _forget_the_late(self) -> None:
        """Requests whose clients have gone leave the queue, and those that waited too long are refused."""
        limit_s = self._limits.timeout_us / 1e6
        late = time.monotonic() - limit_s if limit_s else float("-inf")
        for job in [job for job in self._queue if job.waiting.since < late and not job.outcome.done()]:
            job.outcome.set_exception(RefusalError(f"it waited longer than {limit_s:g} s", Reason.UNAVAILABLE))
        if any(job.outcome.done() for job in self._queue):
            self._queue = deque(job for job in self._queue if not job.outcome.done())

    async def _compute(self, jobs: Sequence[Job], now: float) -> None:
        started = time.perf_counter()
        questions = [job.question for job in jobs]
        outcomes = await asyncio.get_running_loop().run_in_executor(self._thread, self._outcomes, questions)
        took_s = time.perf_counter() - started
        for job, outcome in zip(jobs, outcomes, strict=True):
            self._counter.spent(queue_s=now - job.waiting.since, compute_s=took_s)
            if job.outcome.done():
                continue
            if isinstance(outcome, RefusalError):
                job.outcome.set_exception(outcome)
            else:
                job.outcome.set_result(outcome)

    def _outcomes(self, questions: Sequence[Question]) -> list[Outcome]:
        """All in one call; where that fails, each in its own, so that nobody suffers from another's request."""
        try:
            return list(self._predicted(questions))
        except RefusalError as error:
            return [error] if len(questions) == 1 else [self._outcomes([each])[0] for each in questions]

    def _predicted(self, questions: Sequence[Question]) -> Sequence[Outputs]:
        assert self._predictor is not None
        try:
            given = self._predictor.predict(joined([question.inputs for question in questions]))
            arrays = {name: numpy.asarray(array) for name, array in given.items()}
        except Exception as error:
            raise RefusalError(f"{type(error).__name__}: {error}", Reason.FAILED) from error
        rows = [question.rows for question in questions]
        total = sum(rows) if self._interface.batched else None
        asked = {spec.name: spec for question in questions for spec in question.outputs}
        checked = {name: checked_output(spec, arrays.get(name), total) for name, spec in asked.items()}
        return split(checked, rows) if self._interface.batched else [checked]
