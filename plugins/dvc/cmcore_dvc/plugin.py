"""What the plugin gives. Imports nothing heavy; cmcore loads this module always."""

from __future__ import annotations

from cmcore.hooks import Provider, hookimpl

CMCORE_API = ">=1,<2"


@hookimpl
def cmcore_providers() -> list[Provider]:
    """The format `dvc`."""
    return [
        Provider(
            kind="data_format",
            name="dvc",
            factory="cmcore_dvc.format:DvcFormat",
            summary=".dvc files with their cache and local remotes, of DVC 2 and 3",
        )
    ]
