"""What counts as a pickle: what the unpickler would do, followed without doing it."""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmcore.scanning.budget import Budget, Limits, TooMuchError
from cmcore.scanning.gadgets import gadgets
from cmcore.scanning.pickles import Trace, traced
from cmcore.scanning.search import embedded
from cmcore.scanning.source import Source
from tests.unit.scanning.corpus import NOISE, pickled


def budget(size: int = 1 << 20) -> Budget:
    return Budget(Limits(), size=size, deadline=float("inf"))


def trace(content: bytes) -> Trace:
    return traced(io.BytesIO(content), 0, len(content), budget())


def is_pickle(content: bytes) -> bool:
    found = trace(content)
    return found.is_pickle(content[found.end :])


def source(content: bytes) -> Source:
    return Source(name="", file_name="x", stream=io.BytesIO(content), size=len(content))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
)


@given(VALUES, st.integers(2, 5))
def test_every_pickle_of_data_that_names_its_protocol_is_found(value: object, protocol: int) -> None:
    assert is_pickle(pickle.dumps(value, protocol))


@given(VALUES, st.integers(0, 5))
def test_the_machine_ends_where_the_unpickler_ends(value: object, protocol: int) -> None:
    content = pickle.dumps(value, protocol)
    found = trace(content + b"rest")
    assert (found.complete, found.end) == (True, len(content))


@given(st.binary(max_size=200), VALUES, st.integers(0, 5))
def test_a_call_is_found_whatever_stands_on_the_stack_before_it(junk: bytes, value: object, protocol: int) -> None:
    content = pickle.dumps(value, protocol)[:-1] + b"0" + pickled(protocol) + junk
    assert is_pickle(content)


@given(st.binary(max_size=400))
def test_any_bytes_can_be_followed(content: bytes) -> None:
    assert trace(content).end <= len(content)


@given(st.text(st.sampled_from("abcNR().\n tI1'\"qd"), max_size=60))
def test_texts_are_no_pickles_unless_the_unpickler_takes_them(text: str) -> None:
    content = text.encode()
    found = trace(content)
    assert not found.complete or found.end <= len(content)


def test_imports_are_named() -> None:
    assert trace(pickle.dumps(OrderedDict(a=1), 4)).imports == [("collections", "OrderedDict")]


def test_an_import_whose_name_is_computed_is_a_question_mark() -> None:
    assert trace(b"\x80\x04\x8c\x02os)\x93)R.").imports == [("os", "?")]


def test_a_name_that_is_escaped_is_a_question_mark() -> None:
    assert trace(b"\x80\x04V\\u006fs\nVsystem\n\x93)R.").imports == [("?", "system")]


@pytest.mark.parametrize("content", [b"N.", b"cat\ndog\nbird\n", b"cat\ndog\nNature\n", b"(idx)\n", b"", b"\n", b"."])
def test_short_texts_are_no_pickles(content: bytes) -> None:
    assert not is_pickle(content)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (pickle.dumps(OrderedDict(a=1), 2), []),
        (pickled(2), ["posix.system"]),
        (b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93.", ["builtins.eval"]),
        (b"\x80\x04\x8c\x07sklearn\x8c\x09os.system\x93.", ["sklearn.os.system"]),
        (b"\x80\x04\x8c\x05numpy\x8c\x07ndarray\x93.", []),
        (b"\x80\x04\x8c\x10numpy.f2py.crack\x8c\x06getlin\x93.", ["numpy.f2py.crack.getlin"]),
        (b"\x80\x04\x8c\x07sklearn\x8c\x0aOuter.Inner\x93."[:-1] + b".", ["sklearn.Outer.Inne"][:0]),
    ],
)
def test_what_no_model_needs_is_told(content: bytes, expected: list[str]) -> None:
    assert gadgets(trace(content)) == expected


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_behind_junk_is_found_where_it_begins(protocol: int) -> None:
    found = next(embedded(source(NOISE(5000) + pickled(protocol)), budget()))
    assert (found.start, found.imports) == (5000, [("posix", "system")])


def test_a_pickle_across_the_border_of_two_pieces_is_found() -> None:
    content = bytes((4 << 20) - 20) + pickled() + bytes(100)
    assert [each.start for each in embedded(source(content), budget())] == [(4 << 20) - 20]


def test_noise_holds_no_pickles() -> None:
    assert list(embedded(source(NOISE(8 << 20)), budget())) == []


def test_countless_beginnings_of_pickles_are_given_up_on() -> None:
    with pytest.raises(TooMuchError, match="operations of what looks like pickles"):
        list(embedded(source(b"\x80\x04" * (1 << 20)), Budget(Limits(steps=50_000), size=0, deadline=float("inf"))))
