"""A plugin that misspells a hook."""

from cmcore.hooks import Provider, hookimpl

CMCORE_API = ">=1.0,<2"


@hookimpl
def cmcore_provider() -> list[Provider]:
    """Never called: the hook is cmcore_providers."""
    return []
