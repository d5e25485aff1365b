"""Which texts are kept, and who is the same person."""

from __future__ import annotations

import pytest

from cmcore.errors import UsageError
from cmcore.registry.texts import PROSE_MAX, checked_line, checked_prose, checked_url, person


@pytest.mark.parametrize("url", ["https://a.example/x?y=1#z", "http://[::1]:8080/", "https://xn--caf-dma.example/%20"])
def test_a_plain_address_is_a_link(url: str) -> None:
    assert checked_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "ftp://a.example", "//a.example", "a.example",
        "https://", "https:///path", "https://ana:secret@a.example/", "https://ana@a.example/",
        "https://a.example/\nX: y",        "https://a.example/ b", 'https://a.example/"onload=', "https://a.example/<script>",
        "https://a.example\\@b.example",
        "https://a.example:99999999/", "http://[::1", " https://a.example", "https://a.example/" + "x" * 2000, "",
        "https://a.example/\u202e", "JAVASCRIPT:alert(1)", "https://a.example/\0",
    ],
)  # fmt: skip
def test_no_other_address_is_a_link(url: str) -> None:
    with pytest.raises(UsageError):
        checked_url(url)


def test_a_refused_link_does_not_repeat_its_password() -> None:
    with pytest.raises(UsageError) as caught:
        checked_url("https://ana:canary@a.example/")
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", " a", "a ", "a\nb", "a\0", "a\x1b[2J", "\ud800", "a\u202eb", "a\u2028b", "x" * 501]
)
def test_no_line_is(text: str) -> None:
    with pytest.raises(UsageError):
        checked_line("the actor", text)


@pytest.mark.parametrize("text", ["ana", "Ana Müller", "ana@example.org", "團隊", "x" * 500])
def test_a_line_is(text: str) -> None:
    assert checked_line("the actor", text) == text


@pytest.mark.parametrize("text", ["", "two\nlines\twith a tab", "x" * PROSE_MAX, "👩‍🔬 agreed"])
def test_prose_is(text: str) -> None:
    assert checked_prose("the note", text) == text


@pytest.mark.parametrize("text", ["a\0b", "\x1b[31m", "x" * (PROSE_MAX + 1), "\ud800", "a\u2066b"])
def test_no_prose_is(text: str) -> None:
    with pytest.raises(UsageError):
        checked_prose("the note", text)


@pytest.mark.parametrize("other", ["Ana", "ANA", "ana ", "\uff41na"])
def test_nobody_is_two_people_by_spelling(other: str) -> None:
    assert person(other) == person("ana")
