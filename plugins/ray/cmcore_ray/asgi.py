"""ASGI in the few words that a model's server needs: a request that was read whole, and an answer. No routes here."""

from __future__ import annotations

import zlib
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field

from cmcore_ray.codec.refusal import Reason, RefusalError
from cmcore_ray.codec.rest import HEADER_LENGTH, Body, written

Message = MutableMapping[str, object]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
LARGEST_BYTES = 2**31
WINDOWS = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


@dataclass(frozen=True, slots=True)
class Request:
    """A request; names of headers are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer."""

    status: int = 200
    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def as_json(document: object, status: int = 200) -> Answer:
    """A document."""
    return Answer(status, written(document), {"content-type": "application/json"})


def as_error(message: str, status: int) -> Answer:
    """Why there is no answer."""
    return as_json({"error": message.encode("utf-8", "replace").decode()}, status)


def as_body(body: Body) -> Answer:
    """An answer with tensors."""
    if body.header_bytes is None:
        return Answer(200, body.content, {"content-type": "application/json"})
    headers = {"content-type": "application/octet-stream", HEADER_LENGTH: str(body.header_bytes)}
    return Answer(200, body.content, headers)


def application(answer_to: Callable[[Request], Awaitable[Answer]]) -> App:
    """The ASGI application that answers so."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await give(await answered(scope, receive, answer_to), send)
        elif scope["type"] == "lifespan":
            await live(receive, send)

    return app


async def answered(scope: Message, receive: Receive, answer_to: Callable[[Request], Awaitable[Answer]]) -> Answer:
    """The answer; what goes wrong is told in it."""
    try:
        return await answer_to(await request_of(scope, receive))
    except RefusalError as error:
        return as_error(str(error), error.reason.http)
    except ConnectionError:
        return as_error("the client has gone", Reason.INVALID.http)


async def request_of(scope: Message, receive: Receive) -> Request:
    """A request that was read whole; raises RefusalError, and ConnectionError where the client goes meanwhile."""
    raw = scope["headers"]
    assert isinstance(raw, list | tuple)
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in raw}
    parts = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ConnectionError
        body = message.get("body", b"")
        assert isinstance(body, bytes)
        parts.append(body)
        if not message.get("more_body"):
            break
    body = unpacked(b"".join(parts), headers.get("content-encoding", "identity"))
    return Request(str(scope["method"]), str(scope["path"]), headers, body)


def unpacked(body: bytes, encoding: str) -> bytes:
    """The body as it was before it was compressed; raises RefusalError."""
    if encoding == "identity":
        return body
    if encoding not in WINDOWS:
        raise RefusalError(f"the body's encoding is {encoding!r}; {', '.join(WINDOWS)} can be read")
    reader = zlib.decompressobj(WINDOWS[encoding])
    try:
        content = reader.decompress(body, LARGEST_BYTES)
    except zlib.error as error:
        raise RefusalError(f"the body is not {encoding}: {error}") from error
    if not reader.eof:
        raise RefusalError(f"the body is not whole, or has more than {LARGEST_BYTES:,} bytes once it is unpacked")
    return content


async def give(answer: Answer, send: Send) -> None:
    """Send it."""
    headers = {**answer.headers, "content-length": str(len(answer.content))}
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": raw})
    await send({"type": "http.response.body", "body": answer.content})


async def live(receive: Receive, send: Send) -> None:
    """Start and end when the server does."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
