"""open_lineage: the store behind a URL, in this process or in a child. The databases' libraries load at first use."""

from __future__ import annotations

from pathlib import Path

from cmcore.lineage.store import LineageStore
from cmcore.lineage.url import Engine, StoreUrl


def open_lineage(url: str, blobs: Path) -> LineageStore:
    """SQLite in this process; servers, which can vanish and take their clients along, in a child process."""
    if StoreUrl.parse(url).engine is Engine.SQLITE:
        from cmcore.lineage.blobs import FolderBlobs
        from cmcore.lineage.database import MlmdLineage

        return MlmdLineage(url, FolderBlobs(blobs))
    from cmcore.lineage.child import ChildLineage

    return ChildLineage(url, blobs)
