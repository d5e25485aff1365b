"""Line: a backend's end of its connection to Ray, a process of its own that is started at the first call."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from pydantic import JsonValue

from cmcore.errors import ServingError

STARTING_S = 60.0


@dataclass(slots=True, kw_only=True)
class Line:
    """One cluster, by the address and environment that lead to it. Threads may share it; calls come one at a time."""

    address: str
    environment: Mapping[str, str]
    log: Path
    timeout_s: float
    _process: subprocess.Popen[bytes] | None = None
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, call: str, arguments: Mapping[str, JsonValue], timeout_s: float | None = None) -> JsonValue:
        """What the call gives; raises ServingError where Ray says no, or nothing in time."""
        with self._turn:
            if self._process is None or self._process.poll() is not None:
                self._open()
            return self._exchange(call, arguments, timeout_s or self.timeout_s)

    def _open(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "cmcore_ray.control"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=dict(self.environment),
                start_new_session=True,  # an interrupted terminal interrupts the backend's process, not this one
            )
        self._exchange("connect", {"address": self.address}, max(STARTING_S, self.timeout_s))

    def _exchange(self, call: str, arguments: Mapping[str, JsonValue], timeout_s: float) -> JsonValue:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps({"call": call, "with": arguments}).encode() + b"\n")
            process.stdin.flush()
            line = self._read_line(process, time.monotonic() + timeout_s)
        except OSError as error:
            self._end()
            raise ServingError(f"the connection to Ray at {self.address} broke; {self.log} may say why") from error
        if not line:
            self._end()
            raise ServingError(f"Ray at {self.address} has not answered {call!r} in {timeout_s:g} s; see {self.log}")
        answer = json.loads(line)
        if "error" in answer:
            if call == "connect":
                self._end()
            raise ServingError(f"Ray at {self.address} says of {call!r}: {answer['error']}")
        return cast(JsonValue, answer["given"])

    def _read_line(self, process: subprocess.Popen[bytes], until: float) -> bytes:
        """An answer; empty where none comes in time."""
        assert process.stdout is not None
        descriptor, found = process.stdout.fileno(), b""
        while not found.endswith(b"\n"):
            ready, _, _ = select.select([descriptor], [], [], max(0.0, until - time.monotonic()))
            part = os.read(descriptor, 65_536) if ready else b""
            if not part:
                return b""
            found += part
        return found

    def close(self) -> None:
        """End the process; the cluster stays."""
        with self._turn:
            self._end()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        process.wait()
