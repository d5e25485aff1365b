"""Names of datasets, references such as `flights@3`, and which files may be in a version.

Nothing here touches a disk or a database.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from cmcore.errors import StorageError, UsageError
from cmcore.storage.location import checked_name

DATASET = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")  # as names of models, but short: it is part of a run's name
DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?")  # as for models: Windows opens a device
VERSION = re.compile(r"[1-9][0-9]{0,7}")
SPAN = re.compile(r"span:(0|[1-9][0-9]{0,8})")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What `flights@3`, `flights@span:2` (the newest of a span) or `flights` (the newest of all) means."""

    dataset: str
    version: int | None = None
    span: int | None = None

    def __str__(self) -> str:
        span = "latest" if self.span is None else f"span:{self.span}"
        return f"{self.dataset}@{self.version or span}"

    @classmethod
    def parse(cls, text: str) -> Reference:
        """A reference as people write it; raises UsageError."""
        dataset, _, rest = text.partition("@")
        checked_dataset(dataset)
        if rest in ("", "latest"):
            return cls(dataset=dataset)
        if VERSION.fullmatch(rest):
            return cls(dataset=dataset, version=int(rest))
        if span := SPAN.fullmatch(rest):
            return cls(dataset=dataset, span=int(span[1]))
        raise UsageError(f"{text!r} names no version of data: write {dataset}@3, {dataset}@latest or {dataset}@span:2")


def checked_dataset(name: str) -> str:
    """The name itself; raises UsageError where it cannot name a dataset."""
    if not DATASET.fullmatch(name) or name.endswith(".") or DEVICE.fullmatch(name):
        raise UsageError(
            f"{name!a} cannot name a dataset: write a lower-case letter or digit, then up to 39 of a-z, 0-9, "
            "'.', '_', '-'; no '.' at the end, and no name of a Windows device (con, nul, com1, ...)"
        )
    return name


def checked_file(path: str, where: str) -> str:
    """The path of a file inside a version; raises StorageError where it could leave a folder or forge a line."""
    if CONTROL.search(path):
        raise StorageError(f"{path!r} of {where!r} has control characters in its name: rename the file")
    return checked_name(path, where)
