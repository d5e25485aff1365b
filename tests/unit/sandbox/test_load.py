"""Load on a small server of this test's own, which answers, stalls, breaks and lies as it is told."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from cmcore.errors import UsageError
from cmcore.sandbox import Failure, measure
from cmcore.serving.backend import Address

pytestmark = pytest.mark.integration


class Odd:
    """A server whose answers depend on the model's name; `seen` counts requests by name."""

    def __init__(self) -> None:
        self.seen: dict[str, int] = {}
        self.bodies: set[bytes] = set()
        self.port = 0
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))

    def start(self) -> Odd:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()
        self._loop.close()

    def address(self, model: str) -> Address:
        return Address(model=model, rest=f"http://127.0.0.1:{self.port}")

    async def _serve(self) -> None:
        self._end = asyncio.Event()
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._end.wait()
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                self.bodies.add(await reader.readexactly(length))
                name = head.split(b"/")[3].decode()
                self.seen[name] = self.seen.get(name, 0) + 1
                if not await self._answer(name, writer):
                    return
        except asyncio.IncompleteReadError:
            return
        finally:
            writer.close()

    async def _answer(self, name: str, writer: asyncio.StreamWriter) -> bool:
        body, status, more = f'{{"model_name":"{name}"}}'.encode(), "200 OK", ""
        match name:
            case "breaks":
                return False
            case "hangs":
                await asyncio.sleep(60)
            case "slow":
                await asyncio.sleep(0.1)
            case "lies":
                body = b'{"model_name":"somebody"}'
            case "fails":
                status = "500 No"
            case "closes":
                more = "Connection: close\r\n"
        writer.write(f"HTTP/1.1 {status}\r\n{more}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()
        return name != "closes"


@pytest.fixture
def server() -> Iterator[Odd]:
    server = Odd().start()
    yield server
    server.stop()


@pytest.mark.parametrize("model", ["good", "closes"])
def test_a_healthy_server_has_no_failures(server: Odd, model: str) -> None:
    load = measure(server.address(model), [b"{}"], concurrency=4, seconds=0.3)
    assert (load.failures, load.answered) == ({}, server.seen[model])


def test_every_body_is_sent(server: Odd) -> None:
    measure(server.address("good"), [b"1", b"22", b"333"], concurrency=2, seconds=0.2)
    assert server.bodies == {b"1", b"22", b"333"}


@pytest.mark.parametrize(
    ("model", "kind"),
    [("breaks", Failure.BROKEN), ("lies", Failure.WRONG_MODEL), ("fails", Failure.STATUS), ("hangs", Failure.TIMEOUT)],
)
def test_failures_are_told_by_kind(server: Odd, model: str, kind: Failure) -> None:
    load = measure(server.address(model), [b"{}"], concurrency=2, seconds=0.2, timeout_s=0.1)
    assert set(load.failures) == set(load.told) == {kind}


def test_a_request_that_hangs_at_the_end_is_counted(server: Odd) -> None:
    load = measure(server.address("hangs"), [b"{}"], concurrency=3, seconds=0.1, timeout_s=0.5)
    assert load.failures == {Failure.TIMEOUT: 3}
    assert load.p50 >= 0.5


def test_nobody_listening_is_a_failure_and_not_an_error() -> None:
    load = measure(Address(model="m", rest="http://127.0.0.1:1"), [b"{}"], concurrency=2, seconds=0.2)
    assert set(load.failures) == {Failure.REFUSED}


def test_latency_is_what_the_server_takes(server: Odd) -> None:
    load = measure(server.address("slow"), [b"{}"], concurrency=2, seconds=0.5)
    assert 0.1 <= load.p50 < 0.2


def test_a_constant_rate_is_kept(server: Odd) -> None:
    load = measure(server.address("good"), [b"{}"], concurrency=4, seconds=1.0, rate=200)
    assert load.requests == 200


def test_at_a_constant_rate_waiting_for_a_busy_server_counts(server: Odd) -> None:
    load = measure(server.address("slow"), [b"{}"], concurrency=1, seconds=1.0, rate=20)
    assert load.quantiles(1.0)[0] > 0.4


def test_at_a_constant_rate_what_was_never_sent_counts(server: Odd) -> None:
    load = measure(server.address("slow"), [b"{}"], concurrency=1, seconds=1.0, rate=20)
    assert load.requests == 20
    assert load.failures[Failure.NOT_SENT] >= 8


def test_what_begins_in_the_warm_up_is_not_counted(server: Odd) -> None:
    load = measure(server.address("good"), [b"{}"], concurrency=1, seconds=0.2, warm_up_s=0.3)
    assert load.requests < server.seen["good"]
    assert min(load.starts) >= 0


def test_a_stop_ends_it_early(server: Odd) -> None:
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()
    began = time.monotonic()
    load = measure(server.address("good"), [b"{}"], concurrency=2, seconds=30, rate=0.5, stop=stop)
    assert time.monotonic() - began < 15
    assert load.seconds < 15


def test_the_target_can_change_while_it_runs(server: Odd) -> None:
    addresses = [server.address("good")]
    threading.Timer(0.2, lambda: addresses.__setitem__(0, server.address("better"))).start()
    load = measure(lambda: addresses[0], [b"{}"], concurrency=4, seconds=0.5)
    assert (load.by_model, load.failures) == (server.seen, {})
    assert set(load.by_model) == {"good", "better"}


def test_the_target_can_move_to_another_server(server: Odd) -> None:
    other = Odd().start()
    addresses = [server.address("good")]
    threading.Timer(0.2, lambda: addresses.__setitem__(0, other.address("moved"))).start()
    try:
        load = measure(lambda: addresses[0], [b"{}"], concurrency=2, seconds=0.5)
    finally:
        other.stop()
    assert load.failures == {}
    assert load.by_model["moved"] == other.seen["moved"]


def test_threads_may_measure_at_once(server: Odd) -> None:
    with ThreadPoolExecutor(2) as pool:
        loads = [pool.submit(measure, server.address("good"), [b"{}"], concurrency=2, seconds=0.3) for _ in range(2)]
    assert sum(load.result().answered for load in loads) == server.seen["good"]


@pytest.mark.parametrize(
    "wrong",
    [{"concurrency": 0}, {"seconds": 0}, {"rate": 0}, {"bodies": []}, {"target": Address(model="m", grpc="x:1")}],
)
def test_a_load_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    given: dict[str, object] = {
        "target": Address(model="m", rest="http://127.0.0.1:1"), "bodies": [b"{}"], "concurrency": 1, "seconds": 0.1,
    }  # fmt: skip
    with pytest.raises(UsageError):
        measure(**{**given, **wrong})  # type: ignore[arg-type] # wrong on purpose
