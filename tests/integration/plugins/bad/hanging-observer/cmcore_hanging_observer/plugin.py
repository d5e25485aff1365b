"""A plugin whose observer never returns."""

from threading import Event as Flag

from cmcore.hooks import hookimpl

CMCORE_API = ">=1.0,<2"


@hookimpl
def cmcore_event() -> None:
    """Hang."""
    Flag().wait()
