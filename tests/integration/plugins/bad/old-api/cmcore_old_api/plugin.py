"""A plugin that was written for another plugin API."""

from cmcore.hooks import Provider, hookimpl

CMCORE_API = ">=0.1,<1"


@hookimpl
def cmcore_providers() -> list[Provider]:
    """Give a launcher."""
    return [Provider(kind="launcher", name="old", factory="cmcore_old_api.plugin:Old", summary="Of another age")]
