"""Messages over a local socket: a mark, a length and JSON. The same framing for workers and their warden."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterator

from pydantic import JsonValue

from cmcore.errors import StateError

HEADER = struct.Struct("!4sI")
MARK = b"cm\x00\x01"  # or a stray write into the socket could announce a body that never comes
LARGEST = 64 * 1024 * 1024
Message = dict[str, JsonValue]


def send(sock: socket.socket, message: Message) -> None:
    """Send one message whole; raises OSError if the other side is gone."""
    body = json.dumps(message).encode()
    sock.sendall(HEADER.pack(MARK, len(body)) + body)


def receive(sock: socket.socket) -> Message | None:
    """The next message of a blocking socket; None if the other side has closed. Raises ValueError for garbage."""
    header = _exactly(sock, HEADER.size)
    body = _exactly(sock, announced(header)) if header else None
    return None if body is None else decoded(body)


def announced(header: bytes) -> int:
    """The length of the body behind a header; raises ValueError for garbage, StateError for a huge one."""
    mark, length = HEADER.unpack(header)
    if mark != MARK:
        raise ValueError(f"a message begins with {MARK!r}, found {mark!r}")
    if length > LARGEST:
        raise StateError(f"a message of {length} bytes was announced; at most {LARGEST} are taken")
    return int(length)


def decoded(body: bytes) -> Message:
    """The message in these bytes; raises ValueError for anything that is not a JSON object."""
    try:
        message = json.loads(body)
    except RecursionError as error:
        raise ValueError("a message is nested too deeply") from error
    if not isinstance(message, dict):
        raise ValueError(f"a message is a JSON object, found {type(message).__name__}")  # noqa: TRY004 # of JSON
    return message


class Inbox:
    """Collects the bytes of a non-blocking socket into messages."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def fed(self, chunk: bytes) -> Iterator[Message]:
        """The messages that these bytes complete; raises ValueError for garbage, StateError for a huge one."""
        self._bytes += chunk
        while len(self._bytes) >= HEADER.size:
            length = announced(bytes(self._bytes[: HEADER.size]))
            if len(self._bytes) < HEADER.size + length:
                return
            body = bytes(self._bytes[HEADER.size : HEADER.size + length])
            del self._bytes[: HEADER.size + length]
            yield decoded(body)


def _exactly(sock: socket.socket, count: int) -> bytes | None:
    chunks = bytearray()
    while len(chunks) < count:
        chunk = sock.recv(count - len(chunks))
        if not chunk:
            return None
        chunks += chunk
    return bytes(chunks)
