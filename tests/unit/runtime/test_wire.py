from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmcore.errors import StateError
from cmcore.runtime.wire import HEADER, LARGEST, MARK, Inbox, receive, send

MESSAGES = st.lists(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=20), max_size=3), max_size=4)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    left, right = socket.socketpair()
    yield left, right
    left.close()
    right.close()


def sent(messages: list[dict[str, object]]) -> bytes:
    """The bytes that messages are on the wire."""
    left, right = socket.socketpair()
    with left, right:
        for message in messages:
            send(left, message)
        left.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: right.recv(65_536), b""))


def test_a_message_arrives_as_it_was_sent(pair: tuple[socket.socket, socket.socket]) -> None:
    send(pair[0], {"kind": "job", "text": "größer \udcff", "nan": 1e308})
    assert receive(pair[1]) == {"kind": "job", "text": "größer \udcff", "nan": 1e308}


def test_a_closed_socket_is_the_end(pair: tuple[socket.socket, socket.socket]) -> None:
    pair[0].close()
    assert receive(pair[1]) is None


def test_half_a_message_and_the_end_is_the_end(pair: tuple[socket.socket, socket.socket]) -> None:
    pair[0].sendall(sent([{"a": 1}])[:-2])
    pair[0].close()
    assert receive(pair[1]) is None


@given(messages=MESSAGES, cuts=st.lists(st.integers(1, 40), max_size=20))
def test_messages_are_read_however_the_bytes_are_cut(messages: list[dict[str, object]], cuts: list[int]) -> None:
    rest, inbox, heard = sent(messages), Inbox(), []
    for cut in cuts:
        heard += inbox.fed(rest[:cut])
        rest = rest[cut:]
    heard += inbox.fed(rest)
    assert heard == messages


@pytest.mark.parametrize(
    "garbage",
    [b"GET / HTTP/1.1\r\n\r\n", b"\0" * 8, HEADER.pack(MARK, 2) + b"[]", HEADER.pack(MARK, 3) + b"abc",
     HEADER.pack(MARK, 1) + b"\xff", HEADER.pack(MARK, 200_000) + b"[" * 200_000],
)  # fmt: skip
def test_garbage_is_refused_at_once(garbage: bytes) -> None:
    with pytest.raises(ValueError, match=r"begins with|JSON|nested|codec|Expecting"):
        list(Inbox().fed(garbage))


def test_a_stray_write_between_two_messages_is_noticed() -> None:
    inbox, (message, *_) = Inbox(), [sent([{"a": 1}])]
    with pytest.raises(ValueError, match="begins with"):
        list(inbox.fed(message + b"print" + message))


def test_a_huge_message_is_refused_before_it_comes() -> None:
    with pytest.raises(StateError, match="announced; at most"):
        list(Inbox().fed(HEADER.pack(MARK, LARGEST + 1)))
