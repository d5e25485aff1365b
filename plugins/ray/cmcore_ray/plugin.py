"""What the plugin gives. Imports nothing heavy; cmcore loads this module always."""

from __future__ import annotations

from cmcore.hooks import Provider, hookimpl

CMCORE_API = ">=1,<2"


@hookimpl
def cmcore_providers() -> list[Provider]:
    """Nothing yet."""
    return []
