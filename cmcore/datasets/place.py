"""URIs of versions: `cmdata:///folder/of/the/chunks@<manifest>`, enough for any process of this machine to read one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

PROTOCOL = "cmdata"
_PLACE = re.compile(r"(?P<root>/[^@]*)@(?P<manifest>[0-9a-f]{64})(?:/(?P<path>.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A version where it is kept, or one file of it."""

    root: Path
    manifest: str
    path: str = ""

    @property
    def uri(self) -> str:
        """The URI of the version, without a file."""
        return f"{PROTOCOL}://{quote(str(self.root))}@{self.manifest}"

    @classmethod
    def parse(cls, text: str) -> Place | None:
        """The inverse of `uri`, protocol or not, with or without a file; None for anything else."""
        match = _PLACE.fullmatch(text.removeprefix(f"{PROTOCOL}://").rstrip("/"))
        if match is None:
            return None
        return cls(root=Path(unquote(match["root"])), manifest=match["manifest"], path=match["path"] or "")
