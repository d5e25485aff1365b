"""Requests and answers as bytes of HTTP/1.1."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmcore.errors import UsageError
from cmcore.sandbox.calls import Failure
from cmcore.sandbox.wire import Answer, Route, answer_in, fault_of
from cmcore.serving.backend import Address

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\nbody"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n2;x=y\r\ndy\r\n0\r\n\r\n"
ROUTE = Route.to(Address(model="flights-7", rest="http://127.0.0.1:8000/prefix"), [b"{}", b"[]"])


@pytest.mark.parametrize("whole", [PLAIN, CHUNKED])
def test_a_whole_answer_is_read(whole: bytes) -> None:
    assert answer_in(whole) == Answer(200, b"body", True)


@given(st.sampled_from([PLAIN, CHUNKED]), st.data())
def test_no_part_of_an_answer_is_an_answer(whole: bytes, data: st.DataObject) -> None:
    length = data.draw(st.integers(0, len(whole) - 1))
    needed = answer_in(whole[:length])
    assert isinstance(needed, int)
    assert length < needed <= len(whole)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_a_connection_that_the_server_closes_is_not_kept(head: bytes) -> None:
    assert answer_in(head) == Answer(200, b"", False)


@pytest.mark.parametrize(
    "junk",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 xxx\r\nContent-Length: 0\r\n\r\n",
        b"x" * 70_000,
    ],
)
def test_what_is_no_answer_is_told(junk: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 # whatever the text says
        answer_in(junk)


def test_a_request_goes_below_the_address_to_the_models_own_path() -> None:
    assert ROUTE.requests[0].startswith(b"POST /prefix/v2/models/flights-7/infer HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n")


def test_every_body_is_a_request() -> None:
    assert [request[-2:] for request in ROUTE.requests] == [b"{}", b"[]"]


def test_an_address_without_http_cannot_be_asked() -> None:
    with pytest.raises(UsageError, match="over HTTP"):
        Route.to(Address(model="m", grpc="127.0.0.1:8001"), [b""])


@pytest.mark.parametrize(
    "body",
    [b'{"model_name":"flights-7","outputs":[]}', b'{"model_name": "flights-7"}', b'{ "model_name" : "flights-7" }'],
)
def test_an_answer_of_the_asked_model_has_no_fault(body: bytes) -> None:
    assert fault_of(Answer(200, body, True), ROUTE) is None


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(200, b'{"model_name":"flights-6"}', True), Failure.WRONG_MODEL),
        (Answer(200, b'{"outputs":[]}', True), Failure.WRONG_MODEL),
        (Answer(200, b"<html>", True), Failure.UNREADABLE),
        (Answer(200, b"[]", True), Failure.UNREADABLE),
        (Answer(503, b'{"error":"busy"}', True), Failure.STATUS),
    ],
)
def test_another_answer_is_a_failure_of_its_kind(answer: Answer, kind: Failure) -> None:
    fault = fault_of(answer, ROUTE)
    assert fault is not None
    assert fault[0] is kind
