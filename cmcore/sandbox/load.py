"""Load on a server of the Open Inference Protocol over HTTP/1.1 with connections that are kept.

One thread, callbacks instead of tasks: a request costs some 10 us of this process. Threads may each measure, and so may
processes. What was found is a value of `calls`.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from array import array
from collections.abc import Callable, Sequence
from typing import Protocol

from cmcore.errors import UsageError
from cmcore.sandbox.calls import ANSWERED, CODES, Failure, Load
from cmcore.sandbox.wire import TEXT_LENGTH, Answer, Route, answer_in, fault_of
from cmcore.serving.backend import Address

Target = Callable[[], Address]
"""Asked before every request, so it must be quick: an attribute, not a query."""

SWEEP_S = 0.02
REFUSED_PAUSE_S = 0.05  # or a closed loop would count thousands of failures for one missing server


class Stop(Protocol):
    """What tells a measurement to end early, such as a threading.Event or a multiprocessing one."""

    def is_set(self) -> bool:
        """Whether to end."""
        ...


Where = Callable[[], Route]
"""Asked before every request for the place and the bytes; as quick as a Target."""


def measure(
    target: Address | Target,
    bodies: Sequence[bytes],
    *,
    concurrency: int,
    seconds: float,
    warm_up_s: float = 0.0,
    rate: float | None = None,
    timeout_s: float = 30.0,
    stop: Stop | None = None,
) -> Load:
    """Send the bodies in turn over so many connections; what begins in the first `warm_up_s` is not counted.

    Without `rate` each connection asks again as soon as it has an answer: a slow server is asked less often, and a
    stall of all connections counts once for each of them, not for all who would have come meanwhile (coordinated
    omission). With `rate` (requests per second, evenly spaced) a request that found every connection busy counts from
    the moment at which it was due, and those that were due and never sent count too. At the end, requests under way are
    waited for, at most `timeout_s`, and counted. Raises UsageError.
    """
    if concurrency < 1 or seconds <= 0 or not bodies or (rate is not None and rate <= 0):
        raise UsageError("a load has at least one connection and one body, and more than no seconds and no rate")
    generator = Generator(routed(target, bodies), rate=rate, timeout_s=timeout_s, stop=stop)
    return asyncio.run(generator.run(concurrency, warm_up_s, seconds))


def measure_at(route: Route, *, concurrency: int, seconds: float, warm_up_s: float = 0.0) -> Load:
    """Send what a route says, whatever protocol that is, in a closed loop: for servers of other products."""
    generator = Generator(lambda: route, rate=None, timeout_s=30.0, stop=None)
    return asyncio.run(generator.run(concurrency, warm_up_s, seconds))


def routed(target: Address | Target, bodies: Sequence[bytes]) -> Where:
    """The route to wherever the target says, made once for each address."""
    if isinstance(target, Address):
        only = Route.to(target, bodies)
        return lambda: only
    known: dict[tuple[str, str], Route] = {}

    def route() -> Route:
        address = target()
        key = (address.model, address.rest)
        if key not in known:
            known[key] = Route.to(address, bodies)
        return known[key]

    return route


class Generator:
    """One measurement: whose turn it is, and what came of every request."""

    def __init__(self, where: Where, *, rate: float | None, timeout_s: float, stop: Stop | None) -> None:
        self.timeout_s = timeout_s
        self._where, self._rate, self._stop = where, rate, stop
        self._places: dict[str, int] = {}
        self._starts, self._latencies, self._asked = array("d"), array("d"), array("H")
        self._outcomes = bytearray()
        self._told: dict[Failure, str] = {}
        self._due = 0
        self._began = self._counted_from = self._end = 0.0
        self.turn = 0

    async def run(self, concurrency: int, warm_up_s: float, seconds: float) -> Load:
        """The whole measurement."""
        self.route()  # an address that cannot be asked is an error, not a failed request
        began_at, self._began = time.time() + warm_up_s, time.perf_counter()
        self._counted_from = self._began + warm_up_s
        self._end = self._counted_from + seconds
        lanes = [Lane(self, asyncio.get_running_loop()) for _ in range(concurrency)]
        for lane in lanes:
            lane.go_on()  # all at once; the first answers spread them
        while not all(lane.finished for lane in lanes):
            await asyncio.sleep(SWEEP_S)
            now = time.perf_counter()
            if self._stop is not None and self._stop.is_set():
                self._end = min(self._end, now)
            for lane in lanes:
                lane.sweep(now, over=now >= self._end)
        self._count_unsent(time.perf_counter())
        return Load(
            began_at=began_at,
            seconds=max(0.0, self._end - self._counted_from),
            starts=self._starts,
            latencies=self._latencies,
            outcomes=bytes(self._outcomes),
            asked=self._asked,
            models=tuple(self._places),
            told=self._told,
        )

    def route(self) -> Route:
        """Where the next request goes."""
        route = self._where()
        if route.model not in self._places:
            self._places[route.model] = len(self._places)
        return route

    def next_start(self, now: float) -> float | None:
        """When the next request is due, perhaps in the past; None where there is none any more."""
        if self._rate is None:
            return now if now < self._end else None
        due = self._began + self._due / self._rate
        if due >= self._end or now >= self._end:
            return None
        self._due += 1
        return due

    def count(self, start: float, now: float, model: str, failure: Failure | None, told: str = "") -> None:
        """Note what came of a request."""
        if failure is not None:
            self._told.setdefault(failure, told[:TEXT_LENGTH])
        if start < self._counted_from:
            return
        self._starts.append(start - self._counted_from)
        self._latencies.append(now - start)
        self._outcomes.append(ANSWERED if failure is None else CODES[failure])
        self._asked.append(self._places[model])

    def _count_unsent(self, now: float) -> None:
        if self._rate is None:
            return
        model = self.route().model
        while (due := self._began + self._due / self._rate) < self._end:
            self.count(due, now, model, Failure.NOT_SENT, "all connections were waiting for earlier answers")
            self._due += 1


class Lane(asyncio.Protocol):
    """One connection, with at most one request under way."""

    def __init__(self, generator: Generator, loop: asyncio.AbstractEventLoop) -> None:
        self._generator, self._loop = generator, loop
        self._transport: asyncio.WriteTransport | None = None
        self._place: tuple[str, int] = ("", 0)
        self._route: Route | None = None  # of the request under way
        self._start = self._deadline = 0.0
        self._received, self._needed = b"", 0
        self._connecting: asyncio.Task[None] | None = None
        self._waiting: asyncio.TimerHandle | None = None
        self.finished = False

    def go_on(self) -> None:
        """Send the next request, now or when it is due, or finish."""
        now = time.perf_counter()
        start = self._generator.next_start(now)
        if start is None:
            self.finished = True
            self._drop()
        elif start > now:
            self._waiting = self._loop.call_later(start - now, self._begin_now)
        else:
            self._begin(start)

    def _begin_now(self) -> None:
        self._waiting = None
        self._begin(time.perf_counter())  # a timer's own lateness is not the server's

    def _begin(self, start: float) -> None:
        generator = self._generator
        route = generator.route()
        self._route, self._start = route, start
        self._deadline = time.perf_counter() + generator.timeout_s
        self._received, self._needed = b"", 0
        if self._transport is None or self._place != (route.host, route.port):
            self._drop()
            self._connecting = self._loop.create_task(self._connect(route))
        else:
            self._send(route)

    def _send(self, route: Route) -> None:
        assert self._transport is not None
        turn = self._generator.turn
        self._generator.turn = turn + 1
        self._transport.write(route.requests[turn % len(route.requests)])

    async def _connect(self, route: Route) -> None:
        secure = ssl.create_default_context() if route.secure else None
        try:
            await self._loop.create_connection(lambda: self, route.host, route.port, ssl=secure)
        except OSError as error:
            self._end(Failure.REFUSED, f"{route.host}:{route.port}: {error}", pause_s=REFUSED_PAUSE_S)
            return
        self._connecting, self._place = None, (route.host, route.port)
        if self._transport is None:
            self._end(Failure.BROKEN, "the server closed the connection at once")
        else:
            self._send(route)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A new connection is this lane's."""
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """A part of an answer, mostly all of it."""
        if self._route is None:
            return
        self._received = self._received + data if self._received else data
        if len(self._received) < self._needed:
            return
        try:
            answer = answer_in(self._received)
        except ValueError as error:
            self._drop()
            self._end(Failure.UNREADABLE, str(error))
            return
        if isinstance(answer, Answer):
            if not answer.kept:
                self._drop()
            self._end(*(fault_of(answer, self._route) or (None, "")))
        else:
            self._needed = answer

    def connection_lost(self, error: Exception | None) -> None:
        """The server has closed it: no failure where nothing was asked."""
        self._transport = None
        if self._route is not None and self._connecting is None:
            self._end(Failure.BROKEN, str(error or "the server closed the connection before it had answered"))

    def sweep(self, now: float, *, over: bool) -> None:
        """Give up a request that has had no answer in time, and once all is over one that is not due yet."""
        if over and self._waiting is not None:
            self._waiting.cancel()
            self._waiting, self.finished = None, True
            self._drop()
        if self._route is not None and now > self._deadline:
            if self._connecting is not None:
                self._connecting.cancel()
            self._drop()
            self._end(Failure.TIMEOUT, f"no answer in {self._generator.timeout_s:g} s")

    def _end(self, failure: Failure | None, told: str, *, pause_s: float = 0.0) -> None:
        route = self._route
        if route is None:
            return
        self._route = self._connecting = None
        self._generator.count(self._start, time.perf_counter(), route.model, failure, told)
        if pause_s:
            self._loop.call_later(pause_s, self.go_on)  # the pause is short enough to be waited out
        else:
            self.go_on()

    def _drop(self) -> None:
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.set_protocol(asyncio.Protocol())  # its last words are nobody's
            transport.abort()
