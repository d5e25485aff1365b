"""A client that loads an endpoint from a process of its own, and asks whatever model the endpoint's status names.

The address is handed over in a file, so that this process does nothing but send requests and count.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from collections.abc import Mapping
from dataclasses import asdict
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path
from types import TracebackType
from typing import Self

from cmcore.sandbox.calls import Load
from cmcore.sandbox.load import measure
from cmcore.serving.backend import Address

LOOK_S = 0.005
LONGEST_S = 3600.0
SPAWN = multiprocessing.get_context("spawn")


class Followed:
    """The address in a file, looked at again now and then."""

    def __init__(self, path: Path) -> None:
        self._path, self._address, self._due = path, read_address(path), 0.0

    def __call__(self) -> Address:
        """Where to ask now."""
        now = time.perf_counter()
        if now >= self._due:
            self._address, self._due = read_address(self._path), now + LOOK_S
        return self._address


def read_address(path: Path) -> Address:
    """The address that was handed over."""
    return Address(**json.loads(path.read_text(encoding="utf-8")))


def hand_over(path: Path, address: Address) -> None:
    """Let clients ask here from now on."""
    aside = path.with_suffix(".new")
    aside.write_text(json.dumps(asdict(address)), encoding="utf-8")
    os.replace(aside, path)  # noqa: PTH105 # Path.replace says less clearly that it is atomic


def send(
    path: Path, bodies: list[bytes], concurrency: int, rate: float | None, stop: Event, answer: Connection
) -> None:
    """What the client's process does."""
    load = measure(
        Followed(path), bodies, concurrency=concurrency, seconds=LONGEST_S, rate=rate, timeout_s=10.0, stop=stop
    )
    answer.send(load)
    answer.close()


class Client:
    """Load that goes on while the block does; `load` is there afterwards."""

    def __init__(
        self, path: Path, document: Mapping[str, object], *, concurrency: int, rate: float | None = None
    ) -> None:
        self._stop = SPAWN.Event()
        self._answer, other = SPAWN.Pipe(duplex=False)
        body = json.dumps(document).encode()
        arguments = (path, [body], concurrency, rate, self._stop, other)
        self._process = SPAWN.Process(target=send, args=arguments, daemon=True)
        self.load: Load | None = None

    def __enter__(self) -> Self:
        self._process.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        self._stop.set()
        if kind is None:
            found = self._answer.recv()
            assert isinstance(found, Load)
            self.load = found
        self._process.join(timeout=20)
        self._process.kill()
