"""A plugin whose observer raises at every event."""

from cmcore.events import Event
from cmcore.hooks import hookimpl

CMCORE_API = ">=1.0,<2"


@hookimpl
def cmcore_event(event: Event) -> None:
    """Fail."""
    raise RuntimeError(f"cannot bear {event.kind}")
