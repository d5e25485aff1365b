"""Texts that people hand in: what may be kept as a line, as prose, as a link; who is the same person. Pure checks."""

from __future__ import annotations

import unicodedata
from urllib.parse import urlsplit

from cmcore.errors import UsageError

LINE_MAX = 500
PROSE_MAX = 20_000
URL_MAX = 2_000
CONTROL = {"Cc", "Cs", "Zl", "Zp"}  # control characters, halves of surrogate pairs, Unicode's own line ends
TURNING = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # they make text read otherwise


def checked_line(what: str, text: str, *, longest: int = LINE_MAX) -> str:
    """The text itself, one visible line; raises UsageError."""
    if not text or text != text.strip():
        raise UsageError(f"{what} is {text[:80]!a}: it must not be empty or begin or end with a space")
    return _within(what, text, longest, allowed="")


def checked_prose(what: str, text: str) -> str:
    """The text itself without space around it; it may be empty and have several lines. Raises UsageError."""
    return _within(what, text.strip(), PROSE_MAX, allowed="\n\t")


def _within(what: str, text: str, longest: int, *, allowed: str) -> str:
    if len(text) > longest:
        raise UsageError(f"{what} has {len(text):,} characters; at most {longest:,} are kept. Link to a longer text.")
    for letter in text:
        if letter in TURNING or (unicodedata.category(letter) in CONTROL and letter not in allowed):
            raise UsageError(f"{what} holds the character U+{ord(letter):04X}, which nobody sees: leave it out")
    return text


def checked_url(url: str) -> str:
    """The URL itself; raises UsageError unless it is a plain http or https address without a password in it."""
    checked_line("the link's URL", url, longest=URL_MAX)
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(f"{url[:80]!a} is no URL: {error}") from error
    if parts.scheme not in {"http", "https"} or not host:
        raise UsageError(f"{url[:80]!a} is no address to link to: write https://host/path")
    if "@" in parts.netloc:
        raise UsageError("the link's URL has a user or a password in it, which everybody would read: leave it out")
    if any(letter in url for letter in ' "<>\\^`{|}'):
        raise UsageError(f"{url[:80]!a} holds a character that a URL cannot have: write it as %XX")
    return url


def person(actor: str) -> str:
    """What two spellings of one name have in common: nobody is two people by writing capitals."""
    return unicodedata.normalize("NFKC", actor).casefold().strip()
