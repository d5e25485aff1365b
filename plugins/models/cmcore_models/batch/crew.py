"""Crew: worker processes, each with the model loaded, and the shards that they are at. Fresh interpreters, no forks."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from cmcore_models.batch.document import Finished, Order
from cmcore_models.batch.shards import Shard
from cmcore_models.errors import BatchError

LOOK_S = 0.2
AHEAD = 2  # shards that a worker has been given: it goes on while its last answer is dealt with
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Worker:
    """One process; its shards in the order in which it will answer."""

    def __init__(self, order: Order) -> None:
        command = [sys.executable, "-P", "-m", "cmcore_models.batch.work", str(os.getpid())]
        variables = {**os.environ, **dict.fromkeys(THREAD_VARIABLES, str(order.threads))}
        self.process = subprocess.Popen(  # noqa: S603 # our own module
            command, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.shards: deque[Shard] = deque()
        self.unread = b""
        self.tell(json.dumps([[path for path in sys.path if path], order.model_dump(mode="json")]))

    def tell(self, line: str) -> None:
        """Write one line to it; one that has died is found out by who reads."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.write(line.encode() + b"\n")
            self.process.stdin.flush()

    def give(self, shard: Shard) -> None:
        """One more shard."""
        self.shards.append(shard)
        self.tell(shard.model_dump_json())

    @property
    def output(self) -> int:
        """The descriptor that it answers on."""
        assert self.process.stdout is not None
        return self.process.stdout.fileno()

    def answers(self) -> Iterator[tuple[Shard, Finished]]:
        """What it has finished; raises BatchError for what failed, or if it died."""
        chunk = os.read(self.output, 65_536)
        *lines, self.unread = (self.unread + chunk).split(b"\n")
        for line in lines:
            answer = json.loads(line)
            if "failed" in answer:
                raise BatchError(answer["failed"] if answer["type"] == "BatchError" else self._failed(answer))
            yield self.shards.popleft(), Finished.model_validate_json(answer["finished"])
        if not chunk:
            raise BatchError(self._death())

    def _failed(self, answer: dict[str, str]) -> str:
        where = f"at {self.shards[0].name}" if self.shards else "while it loaded the model"
        return f"a worker failed {where}: {answer['type']}: {answer['failed']}"

    def _death(self) -> str:
        code = self.process.wait()
        cause = f"died of {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        at = self.shards[0] if self.shards else None
        where = f" at {at.name} from row {at.first}" if at else ""
        return f"worker process {self.process.pid} {cause}{where}; finished shards are kept, try again to go on"

    def end(self) -> None:
        """Kill it; what it has not finished is lost."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            with suppress(BrokenPipeError):
                stream.close()


def finished_shards(
    order: Order, shards: Sequence[Shard], workers: int, look: Callable[[], None]
) -> Iterator[tuple[Shard, Finished]]:
    """Each shard once it is finished, in any order. `look` is called now and then, and may raise to end it all."""
    waiting = deque(shards)
    crew: dict[int, Worker] = {}
    with selectors.DefaultSelector() as selector:
        try:
            for _ in range(min(workers, len(shards))):
                worker = Worker(order)
                crew[worker.output] = worker
                selector.register(worker.output, selectors.EVENT_READ)
            for _ in range(AHEAD):
                for worker in crew.values():
                    if waiting:
                        worker.give(waiting.popleft())
            while any(worker.shards for worker in crew.values()):
                ready = selector.select(LOOK_S)
                look()
                for key, _ in ready:
                    worker = crew[key.fd]
                    for answer in worker.answers():
                        if waiting:
                            worker.give(waiting.popleft())
                        yield answer
        finally:
            for worker in crew.values():
                worker.end()
