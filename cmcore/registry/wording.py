"""How findings are worded: lists that do not fill the screen, digests that people can compare, names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cmcore.document.wording import did_you_mean

LISTED = 10
DIGITS = 12


def listed(texts: Iterable[str], *, between: str = "; ") -> str:
    """The first texts in one, and how many more there are."""
    known = list(texts)
    more = [f"and {len(known) - LISTED} more"] if len(known) > LISTED else []
    return between.join([*known[:LISTED], *more])


def short(digest: str) -> str:
    """A digest as people compare it."""
    algorithm, _, digits = digest.rpartition(":")
    return f"{algorithm}:{digits[:DIGITS]}" if algorithm else digits[:DIGITS]


def meant(name: str, known: Sequence[str]) -> str:
    """`; did you mean 'x'?`, also for the beginning of a single known name; nothing where none is close."""
    longer = [each for each in known if name and each.startswith(name)]
    return did_you_mean(longer[0] if len(longer) == 1 else name, known)
