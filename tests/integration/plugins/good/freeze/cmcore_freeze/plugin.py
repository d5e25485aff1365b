"""A guard that lets nobody run pipelines named in CMCORE_FREEZE, and an observer that keeps a diary."""

import os
from pathlib import Path

from cmcore.events import Event
from cmcore.hooks import RunRequest, hookimpl

CMCORE_API = ">=1.0"


@hookimpl
def cmcore_run_refusal(request: RunRequest) -> str | None:
    """Refuse frozen pipelines."""
    frozen = os.environ.get("CMCORE_FREEZE", "").split(",")
    return f"pipeline {request.pipeline!r} is frozen" if request.pipeline in frozen else None


@hookimpl
def cmcore_event(event: Event) -> None:
    """Write the event down, where a diary is wanted."""
    diary = os.environ.get("CMCORE_DIARY")
    if diary:
        with Path(diary).open("a", encoding="utf-8") as file:
            file.write(f"{event.seq} {event.kind}\n")
