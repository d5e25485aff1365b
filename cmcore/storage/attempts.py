"""The folders that attempts left under a root, as values; `collect` chooses among them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from cmcore.address import NAME
from cmcore.storage.location import KEY, MANIFEST_SUFFIX

_ATTEMPT = re.compile(
    rf"(?P<attempt>(?P<run>{NAME.pattern})/{NAME.pattern}(?:@{NAME.pattern})?/[1-9][0-9]*)(?:/(?P<inside>.*))?",
    re.DOTALL,
)
_INSIDE = re.compile(
    rf"{KEY.pattern}|(?P<payload>{KEY.pattern}/[0-9]+)(?P<rest>{re.escape(MANIFEST_SUFFIX)}|/.*)?", re.DOTALL
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PayloadFolder:
    """One payload as found; `sealed` says that it has a manifest."""

    uri: str
    size_bytes: int = 0
    sealed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFolder:
    """Everything that one attempt at one node left."""

    uri: str
    run: str
    payloads: tuple[PayloadFolder, ...] = ()


def attempt_folders(root: str, names: Iterable[tuple[str, int]]) -> Iterator[AttemptFolder]:
    """The attempts among (relative name, size in bytes) of everything under a root, in the order of their URIs.

    A folder with a payload and nothing that we would not have made is an attempt: a root may hold other people's data.
    """
    found: dict[str, _Contents] = {}
    for name, size in names:
        match = _ATTEMPT.fullmatch(name)
        if match:
            contents = found.setdefault(match["attempt"], _Contents(run=match["run"]))
            if match["inside"]:
                contents.add(match["inside"], size)
    for attempt, contents in sorted(found.items()):
        if contents.sizes and not contents.foreign:
            uri = f"{root}/{attempt}"
            yield AttemptFolder(uri=uri, run=contents.run, payloads=tuple(contents.payloads(uri)))


@dataclass(slots=True, kw_only=True)
class _Contents:
    """What has been seen so far of one attempt."""

    run: str
    sizes: dict[str, int] = field(default_factory=dict)
    sealed: set[str] = field(default_factory=set)
    foreign: bool = False

    def add(self, inside: str, size: int) -> None:
        match = _INSIDE.fullmatch(inside)
        if match is None:
            self.foreign = True
        elif match["payload"]:
            self.sizes[match["payload"]] = self.sizes.get(match["payload"], 0) + size
            if match["rest"] == MANIFEST_SUFFIX:
                self.sealed.add(match["payload"])

    def payloads(self, attempt: str) -> Iterator[PayloadFolder]:
        for name, size in sorted(self.sizes.items()):
            yield PayloadFolder(uri=f"{attempt}/{name}", size_bytes=size, sealed=name in self.sealed)
