"""Names in the registry: models, versions `MAJOR.MINOR.PIPELINE`, aliases, and references `model@version-or-alias`.

Names are plain ASCII in lower case, so that no two of them look or sort alike anywhere, and no file system knows two of
them as one. The numbering follows Toosi, "Deploying ML models in Production", part 3: MAJOR for an incompatibility in
data or target, MINOR for a better model, PIPELINE for a changed training pipeline.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from cmcore.errors import UsageError

MODEL = re.compile(r"[a-z0-9][a-z0-9._-]{0,127}")
DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?")  # Windows opens a device, whatever the folder
ALIAS = re.compile(r"[a-z][a-z0-9_-]{0,62}")
VERSION = re.compile(r"(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})")
LATEST = "latest"


@dataclass(frozen=True, slots=True, order=True)
class VersionNumber:
    """MAJOR.MINOR.PIPELINE, ordered as numbers."""

    major: int
    minor: int
    pipeline: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.pipeline}"

    @classmethod
    def parse(cls, text: str) -> VersionNumber:
        """The inverse of `str`; raises UsageError for anything else."""
        match = VERSION.fullmatch(text)
        if match is None:
            raise UsageError(f"{text!r} is no version; versions are MAJOR.MINOR.PIPELINE, such as 1.2.0")
        return cls(*map(int, match.groups()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What `flights@1.2.0`, `flights@production`, `flights@latest` or `flights` means; at most one of the two is given.

    Without either it is the model itself; where a version is needed, the newest, as `latest` says outright.
    """

    model: str
    version: VersionNumber | None = None
    alias: str = ""

    def __str__(self) -> str:
        rest = self.version or self.alias
        return f"{self.model}@{rest}" if rest else self.model

    @classmethod
    def parse(cls, text: str) -> Reference:
        """A reference as people write it; raises UsageError."""
        model, at, rest = text.partition("@")
        checked_model(model)
        if not at:
            return cls(model=model)
        if VERSION.fullmatch(rest):
            return cls(model=model, version=VersionNumber.parse(rest))
        return cls(model=model, alias=rest if rest == LATEST else checked_alias(rest))


def checked_model(name: str) -> str:
    """The name itself; raises UsageError where it cannot name a model."""
    if not MODEL.fullmatch(name) or name.endswith(".") or DEVICE.fullmatch(name):
        raise UsageError(
            f"{shown(name)} cannot name a model: write a lower-case letter or digit, then up to 127 of a-z, 0-9, '.', "
            "'_', '-'; no '.' at the end, and no name of a Windows device (con, nul, com1, ...)"
        )
    return name


def checked_alias(name: str) -> str:
    """The name itself; raises UsageError where it cannot be an alias."""
    if not ALIAS.fullmatch(name) or name == LATEST or DEVICE.fullmatch(name):
        raise UsageError(
            f"{shown(name)} cannot be an alias: write a lower-case letter, then up to 62 of a-z, 0-9, '_', '-'; "
            f"{LATEST!r} always means the newest version, and con, nul, com1, ... are devices of Windows"
        )
    return name


def shown(name: str) -> str:
    """A name that may be anything, on one line in ASCII, cut where nobody would read on."""
    return ascii(name if len(name) <= 80 else f"{name[:77]}...")
