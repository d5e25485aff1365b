"""Which files and distributions differ between the code of an old execution, as it was kept, and the code of now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from cmcore.components.code.keep import kept
from cmcore.errors import NotFoundError
from cmcore.pipelines.plan import Code


def code_changes(before: str, now: Code, folder: Path) -> dict[str, str]:
    """What happened to each file or distribution: changed, added or removed; empty where the old code was not kept.

    `before` holds several digests where functions are named in parameters; each closure is looked up by itself.
    """
    files: dict[str, str] = {}
    distributions: dict[str, str] = {}
    try:
        for digest in before.split():
            listing = kept(folder, digest)
            files |= listing.files
            distributions |= listing.distributions
    except NotFoundError:
        return {}
    return dict([*differing(files, now.files), *differing(distributions, now.distributions)])


def differing(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The names whose values differ, each with what happened to it."""
    for name in sorted({*before, *now}):
        if name not in now:
            yield name, "removed"
        elif name not in before:
            yield name, "added"
        elif before[name] != now[name]:
            yield name, "changed"
