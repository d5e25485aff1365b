"""How values and words appear in messages about a document: quoted, described, suggested.

Which message is given where is not decided here.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

SHOWN_MAX = 60
_WORD_MAX = 64  # nobody misspells longer names, and difflib is quadratic


def quoted(text: str) -> str:
    """Text in quotes on one line, shortened."""
    return repr(text if len(text) <= SHOWN_MAX else text[: SHOWN_MAX - 3] + "...")


def described(value: object) -> str:
    """A value as people would name it: `the text 'ten'`, `the integer 3`, `a list of 2`, `nothing`."""
    match value:
        case None:
            return "nothing (null)"
        case bool():
            return "true" if value else "false"
        case str():
            return f"the text {quoted(value)}"
        case int() | float():
            return f"the {'integer' if isinstance(value, int) else 'number'} {value}"
        case list():
            return f"a list of {len(value)}" if value else "an empty list"
        case _:
            return "a mapping" if value else "an empty mapping"


def alternatives(names: Sequence[str]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    return " or ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def closest(word: str, known: Iterable[str]) -> str:
    """`did you mean 'x'?` for the known word that is most like this one, or nothing."""
    if len(word) > _WORD_MAX:
        return ""
    by_folded = {name.casefold(): name for name in known}
    found = difflib.get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.6)
    return f"did you mean {by_folded[found[0]]!r}?" if found else ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` to go on a sentence with, or nothing where no known name is close."""
    hint = closest(word, known)
    return f"; {hint}" if hint else ""
