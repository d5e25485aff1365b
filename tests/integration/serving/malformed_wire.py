"""Requests as the bytes that go over a connection, what came back, and whether it is what they deserve."""

from __future__ import annotations

import contextlib
import http.client
import json
import math
import socket
import struct
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

TIMEOUT_S = 10.0
PIECES, PAUSE_S = 6, 0.005


class Right(StrEnum):
    """What may become of a request. REFUSED: 4xx with `{"error": ...}`; MISSING: the same with 404 or 400; ANSWERED:
    200 and the right numbers; LENIENT: refused, or answered so; EITHER: refused, or answered with whatever the numbers
    come to; DROPPED: any of these, 501, or a closed connection."""

    REFUSED = "refused"
    MISSING = "missing"
    ANSWERED = "answered"
    LENIENT = "lenient"
    EITHER = "either"
    DROPPED = "dropped"


class Ending(StrEnum):
    """How the last byte goes. OPEN: the client waits; CLOSED: it says that nothing follows, so that a server does not
    wait for more; SLOW: in small pieces; GONE: the client resets the connection and looks at no reply."""

    OPEN = "open"
    CLOSED = "closed"
    SLOW = "slow"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """One request. `length` is the Content-Length that is claimed where it is not the true one, `tail` what follows
    the body, `answers` the numbers of a right answer; `name` says what is wrong with it, `ending` how it is sent."""

    name: str
    path: str
    body: bytes
    right: Right
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None
    tail: bytes = b""
    answers: tuple[float, ...] = ()
    ending: Ending = Ending.OPEN

    def __str__(self) -> str:
        told = self.body if len(self.body) < 300 else self.body[:200] + b"..." + self.body[-60:]
        return f"{self.name}: {self.method} {self.path[:120]} {dict(self.headers)} {told!r}"

    def head(self) -> bytes:
        """Request line and headers."""
        length = len(self.body) if self.length is None else self.length
        own = {"Host": "127.0.0.1", "Content-Type": "application/json", "Content-Length": str(length), **self.headers}
        lines = [f"{self.method} {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in own.items())]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came; `status` is 0 where the server closed the connection without an answer, -1 where it hung."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def document(self) -> object:
        """The JSON of the body; None where it is none."""
        try:
            found: object = json.loads(self.body.decode(errors="replace"))  # Triton quotes names byte by byte
        except (ValueError, RecursionError):
            return None
        return found

    @property
    def refused(self) -> bool:
        """Whether the caller is told in the protocol's form that it is to blame."""
        document = self.document
        return (
            400 <= self.status < 500 and isinstance(document, dict) and isinstance(document.get("error"), str)
            and bool(document["error"])
        )  # fmt: skip

    @property
    def whole(self) -> bool:
        """Whether it is an answer with as many elements as its shapes ask for; tensors in binary are not looked at."""
        document = self.document
        outputs = document.get("outputs") if isinstance(document, dict) else None
        return self.status == 200 and isinstance(outputs, list) and all(
            len(each.get("data", [])) in (0, math.prod(each["shape"])) for each in outputs
        )  # fmt: skip

    @property
    def numbers(self) -> list[float]:
        """The elements of the first output."""
        document = self.document
        assert isinstance(document, dict)  # it is whole
        return list(document["outputs"][0]["data"])


def deserved(wire: Wire, reply: Reply) -> bool:
    """Whether a reply is one that the request may have."""
    match wire.right:
        case Right.ANSWERED:
            return reply.whole and same(reply.numbers, wire.answers)
        case Right.LENIENT:
            return reply.refused or (reply.whole and same(reply.numbers, wire.answers))
        case Right.REFUSED:
            return reply.refused
        case Right.MISSING:
            return reply.refused and reply.status in (400, 404)
        case Right.EITHER:
            return reply.refused or reply.whole
        case Right.DROPPED:
            return reply.status in (0, 200, 501) or 400 <= reply.status < 500


def same(found: Sequence[float], asked: Sequence[float]) -> bool:
    """Whether numbers are equal, exactly."""
    return list(found) == list(asked)


def sent(address: tuple[str, int], wire: Wire) -> Reply:
    """What comes back on a connection of its own."""
    with socket.create_connection(address, timeout=TIMEOUT_S) as connection:
        with contextlib.suppress(OSError):  # the server has seen enough, and may have answered
            send(connection, wire)
        if wire.ending is Ending.GONE:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return Reply(status=0)
        return received(connection, wire.method)


def send(connection: socket.socket, wire: Wire) -> None:
    """All of it, ending as it should."""
    content = wire.head() + wire.body + wire.tail
    if wire.ending is Ending.SLOW:
        for at in range(0, len(content), len(content) // PIECES + 1):
            connection.sendall(content[at : at + len(content) // PIECES + 1])
            time.sleep(PAUSE_S)
        return
    connection.sendall(content)
    if wire.ending is Ending.CLOSED:
        connection.shutdown(socket.SHUT_WR)


def received(connection: socket.socket, method: str) -> Reply:
    """The first answer."""
    answer = http.client.HTTPResponse(connection, method=method)
    try:
        answer.begin()
        return Reply(status=answer.status, body=answer.read(), headers=answer.headers)
    except TimeoutError:
        return Reply(status=-1)
    except (http.client.HTTPException, OSError):
        return Reply(status=0)
    finally:
        answer.close()
