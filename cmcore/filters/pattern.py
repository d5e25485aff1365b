r"""Patterns of LIKE: `%` any text, `_` any letter, `\` before either (or itself) takes the meaning away.

As databases agree on it: case is ignored for a to z only.
"""

from __future__ import annotations

import re

PIECE = re.compile(r"\\(?P<plain>.)|(?P<wild>[%_])|(?P<text>[^\\%_]+)", re.DOTALL)
ENDS_OPEN = re.compile(r"(?:[^\\]|\\.)*\\", re.DOTALL)


def ends_open(pattern: str) -> bool:
    """Whether it ends with a backslash that has nothing to take the meaning from; databases disagree on those."""
    return ENDS_OPEN.fullmatch(pattern) is not None


def like(pattern: str, text: str) -> bool:
    """Whether the pattern fits the whole text. Takes the first place of each part, so it needs no backtracking."""
    first, *others = "".join(_regex(piece) for piece in PIECE.finditer(pattern)).split("\0")
    middle = "".join(f"(?>.*?{part})" for part in others[:-1])
    last = f".*{others[-1]}" if others else ""
    return re.fullmatch(first + middle + last, text, re.DOTALL | re.IGNORECASE | re.ASCII) is not None


def _regex(piece: re.Match[str]) -> str:
    match piece["wild"]:
        case "%":
            return "\0"  # no filter contains one
        case "_":
            return "."
    return re.escape(piece["plain"] or piece["text"])
