"""PoolReplica: one instance of a pool, where models come and go; and the way there from a model's own application.

Runs in Ray's processes. Which model goes, and which replica is asked, is for Ray Serve's multiplexing to say.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol, cast
from weakref import WeakValueDictionary

from ray import serve
from ray.exceptions import RayError
from ray.serve.exceptions import RayServeException

from cmcore_ray.codec.arrays import Array
from cmcore_ray.codec.question import Question
from cmcore_ray.codec.refusal import Reason, RefusalError
from cmcore_ray.deployment import DEPLOYMENT
from cmcore_ray.predictor import predictor_of
from cmcore_ray.shelf import Shelf
from cmcore_ray.tally import Counter, tell
from cmcore_ray.worker import Worker

Told = Mapping[str, Array] | RefusalError  # a value either way: Ray changes what is raised


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What a model has had at this replica, however often it came and went."""

    counter: Counter
    changed: asyncio.Event
    telling: asyncio.Task[None]


class Member:
    """One model's place at this replica, as Ray Serve keeps it: empty at first, and once it is let go."""

    def __init__(self, name: str, shelf: Shelf, counter: Counter) -> None:
        self._name, self._shelf, self._counter = name, shelf, counter
        self._loop, self._turn = asyncio.get_running_loop(), asyncio.Lock()
        self._worker: Worker | None = None

    async def loaded(self) -> Worker:
        """Its worker; raises whatever the predictor's factory raises."""
        async with self._turn:
            if self._worker is None:
                placement = self._shelf.find(self._name)
                if placement is None:
                    raise LookupError(f"nothing is placed under the name {self._name!r}")
                inference = placement.inference
                worker = Worker(placement.interface, inference.batching, inference.queue, self._counter)
                await worker.load(partial(predictor_of, placement, self._shelf.model(self._name)))
                self._worker = worker
            return self._worker

    def let_go(self) -> None:
        """Forget the predictor, once those that asked it are answered."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.close()

    def __del__(self) -> None:
        """Ray Serve calls it, in another thread, where a model has to go for another; Python does so later."""
        if self._worker is not None:
            self._loop.call_soon_threadsafe(self.let_go)


class PoolReplica:
    """One instance; `folder` is the shelf with the models, `limit` how many of them are loaded at a time."""

    def __init__(self, folder: str, limit: int) -> None:
        self._shelf, self._accounts = Shelf(Path(folder)), dict[str, Account]()
        self._members: WeakValueDictionary[str, Member] = WeakValueDictionary()

        async def invited(name: str) -> Member:
            # nothing is loaded here: Ray Serve would let all other models wait for that
            member = Member(name, self._shelf, self._account(name).counter)
            self._members[name] = member
            return member

        self._member: Callable[[str], Awaitable[Member]]
        self._member = serve.multiplexed(max_num_models_per_replica=limit)(invited)

    async def load(self, name: str, search: Sequence[str]) -> str:
        """Have it loaded; why it cannot be, else nothing."""
        try:
            await self._ready(name, search)
        except RefusalError as error:
            return str(error)
        return ""

    async def answer(self, name: str, search: Sequence[str], question: Question) -> Told:
        """What the model says, loaded where it is not."""
        try:
            return await (await self._ready(name, search)).answer(question)
        except RefusalError as error:
            return error
        finally:
            if name in self._accounts:
                self._accounts[name].changed.set()

    async def forget(self, name: str) -> None:
        """Its predictor goes; its place is another's as soon as it is the least recently used one."""
        if name in self._members:
            self._members[name].let_go()
        if name in self._accounts:
            self._accounts.pop(name).telling.cancel()

    async def _ready(self, name: str, search: Sequence[str]) -> Worker:
        """Its worker; asked without a pause, it answers even if the model has to go. Raises RefusalError."""
        sys.path.extend(path for path in search if path not in sys.path)
        try:
            return await (await self._member(name)).loaded()
        except Exception as error:
            raise RefusalError(f"{type(error).__name__}: {error}", Reason.UNAVAILABLE) from error

    def _account(self, name: str) -> Account:
        if name not in self._accounts:
            counter, changed = Counter(), asyncio.Event()
            telling = asyncio.create_task(tell(name, counter, changed))
            self._accounts[name] = Account(counter=counter, changed=changed, telling=telling)
        return self._accounts[name]


class Method(Protocol):
    """A method of a deployment, as other applications call it."""

    def remote(self, *arguments: object) -> Awaitable[Any]: ...


class PoolHandle(Protocol):
    """A pool, as its models' applications call it."""

    load: Method
    answer: Method


class Membership:
    """A model's seat in a pool, for its own application: `answer` is as a worker's."""

    def __init__(self, name: str, pool: str, search: Sequence[str]) -> None:
        self._name, self._search = name, list(search)
        found = serve.get_deployment_handle(DEPLOYMENT, app_name=pool)
        self._pool = cast(PoolHandle, found.options(multiplexed_model_id=name))

    async def load(self) -> None:
        """Have some replica load it; raises RuntimeError where that cannot."""
        if why := await self._pool.load.remote(self._name, self._search):
            raise RuntimeError(f"the pool cannot load it: {why}")

    async def answer(self, question: Question) -> Mapping[str, Array]:
        """The outputs that the question wants; raises RefusalError."""
        try:
            told: Told = await self._pool.answer.remote(self._name, self._search, question)
        except (RayError, RayServeException) as error:
            raise RefusalError(f"the pool has lost the request: {error}", Reason.UNAVAILABLE) from error
        if isinstance(told, RefusalError):
            raise told
        return told
