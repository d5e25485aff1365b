"""A plugin that claims a name which the plugin `echo` has."""

from cmcore.hooks import Provider, hookimpl

CMCORE_API = ">=1.0,<2"


@hookimpl
def cmcore_providers() -> list[Provider]:
    """Give one new launcher, and one whose name is taken."""
    return [
        Provider(kind="launcher", name="thief", factory="cmcore_thief.plugin:Thief", summary="Its own"),
        Provider(kind="launcher", name="echo", factory="cmcore_thief.plugin:Thief", summary="Somebody else's"),
    ]
