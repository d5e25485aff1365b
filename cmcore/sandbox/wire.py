"""Requests for predictions and their answers as bytes of HTTP/1.1. Pure; sockets are `load`'s."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from cmcore.errors import UsageError
from cmcore.sandbox.calls import Failure
from cmcore.serving.backend import Address

TEXT_LENGTH = 300
END_OF_HEAD = b"\r\n\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One model at one place, every request ready to be sent; `names` are ways in which an answer names the model."""

    model: str
    host: str
    port: int
    secure: bool
    requests: tuple[bytes, ...]
    names: tuple[bytes, ...]

    @classmethod
    def at(cls, name: str, url: str, bodies: Sequence[bytes]) -> Route:
        """The route to a URL that answers in a protocol of its own: whatever has the status 200 is an answer."""
        parts = urlsplit(url)
        assert parts.hostname  # from code, not from people
        return cls(
            model=name,
            host=parts.hostname,
            port=parts.port or 80,
            secure=False,
            requests=tuple(request(parts.path, parts.netloc, body) for body in bodies),
            names=(b"",),
        )

    @classmethod
    def to(cls, address: Address, bodies: Sequence[bytes]) -> Route:
        """The route to an address; raises UsageError where that cannot be asked over HTTP."""
        url = urlsplit(address.rest)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise UsageError(f"{address.model!r} cannot be asked over HTTP: its address is {address.rest!r}")
        secure = url.scheme == "https"
        path = f"{url.path.rstrip('/')}/v2/models/{quote(address.model, safe='')}/infer"
        quoted = json.dumps(address.model).encode()
        return cls(
            model=address.model,
            host=url.hostname,
            port=url.port or (443 if secure else 80),
            secure=secure,
            requests=tuple(request(path, url.netloc, body) for body in bodies),
            names=(b'"model_name":' + quoted, b'"model_name": ' + quoted),
        )


def request(path: str, host: str, body: bytes) -> bytes:
    """One request, its connection kept."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("latin-1") + body


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; `kept` tells whether the connection can be used again."""

    status: int
    body: bytes
    kept: bool


def answer_in(received: bytes) -> Answer | int:
    """The answer, or how many bytes there must be at least before it can be one; raises ValueError for what is no HTTP
    or does not say how long it is."""
    end = received.find(END_OF_HEAD)
    if end < 0:
        if len(received) > 65_536:
            raise ValueError("the head of the answer does not end")
        return len(received) + 1
    head = received[:end].lower()
    if not head.startswith(b"http/1."):
        raise ValueError("the answer is no HTTP/1.1")
    status, start = int(head[9:12]), end + 4
    kept = b"\r\nconnection: close" not in head and not head.startswith(b"http/1.0")
    place = head.find(b"\r\ncontent-length:")
    if place >= 0:
        whole = start + int(head[place + 17 :].split(b"\r\n", 1)[0])
        return Answer(status, received[start:whole], kept) if len(received) >= whole else whole
    if b"\r\ntransfer-encoding: chunked" in head:
        body = unchunked(received, start)
        return len(received) + 1 if body is None else Answer(status, body, kept)
    raise ValueError("the answer does not say how long it is")


def unchunked(received: bytes, start: int) -> bytes | None:
    """A body that comes in chunks; None where the last one is missing. Raises ValueError for what are no chunks."""
    parts: list[bytes] = []
    while (line_end := received.find(b"\r\n", start)) >= 0:
        size = int(received[start:line_end].split(b";", 1)[0], 16)
        after = line_end + 2 + size + 2
        if len(received) < after:
            return None
        if size == 0:
            return b"".join(parts)
        parts.append(received[line_end + 2 : after - 2])
        start = after
    return None


def fault_of(answer: Answer, route: Route) -> tuple[Failure, str] | None:
    """What is wrong with a whole answer; None for one of the model that was asked. Tensors are not looked at."""
    if answer.status != 200:
        return Failure.STATUS, f"{answer.status}: {answer.body[:TEXT_LENGTH].decode(errors='replace')}"
    if any(name in answer.body for name in route.names):
        return None
    try:
        found = json.loads(answer.body).get("model_name")
    except (ValueError, AttributeError, RecursionError):
        return Failure.UNREADABLE, answer.body[:TEXT_LENGTH].decode(errors="replace")
    return None if found == route.model else (Failure.WRONG_MODEL, f"{route.model!r} was asked, {found!r} answered")
