"""Calling an observer in a thread of its own, so that one that hangs is left behind. Knows no log and no cursor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from queue import Empty, SimpleQueue
from threading import Thread

from cmcore.errors import PluginError
from cmcore.events import Event
from cmcore.hooks.border import cause_traceback, plugin_border


@dataclass(frozen=True, slots=True, kw_only=True)
class Observer:
    """A plugin that implements `cmcore_event`."""

    plugin: str
    distribution: str
    call: Callable[..., object]


class OutcomeKind(StrEnum):
    """How the delivery of one event ended; UNFINISHED means that we, not the observer, ran out of time."""

    DELIVERED = "delivered"
    RAISED = "raised"
    HUNG = "hung"
    UNFINISHED = "unfinished"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The end of one delivery; `reason` and `traceback` say what was raised."""

    kind: OutcomeKind
    reason: str = ""
    traceback: str = ""


class ObserverThread:
    """One daemon thread that makes an observer's calls, one after the other. After HUNG it is not used again."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._events: SimpleQueue[Event | None] = SimpleQueue()
        self._outcomes: SimpleQueue[Outcome] = SimpleQueue()
        self._thread = Thread(target=self._work, name=f"cmcore-observer-{observer.plugin}", daemon=True)

    def start(self) -> None:
        """Get ready for `deliver`."""
        self._thread.start()

    def deliver(self, event: Event, *, deadline_s: float) -> Outcome:
        """Call the observer and wait for it until the deadline or `give_up`."""
        self._events.put(event)
        try:
            return self._outcomes.get(timeout=deadline_s)
        except Empty:
            return Outcome(kind=OutcomeKind.HUNG, reason=f"cmcore_event did not return within {deadline_s:g} s")

    def give_up(self) -> None:
        """End a `deliver` that waits in another thread, or the next one: its outcome is UNFINISHED."""
        reason = "cmcore_event had not returned when cmcore ended; the event comes again next time"
        self._outcomes.put(Outcome(kind=OutcomeKind.UNFINISHED, reason=reason))

    def stop(self) -> None:
        """Let the thread end once the observer has returned."""
        self._events.put(None)

    def _work(self) -> None:
        while (event := self._events.get()) is not None:
            self._outcomes.put(_called(self._observer, event))


def _called(observer: Observer, event: Event) -> Outcome:
    try:
        with plugin_border("cmcore_event failed"):
            observer.call(event=event)
    except PluginError as error:
        return Outcome(kind=OutcomeKind.RAISED, reason=str(error), traceback=cause_traceback(error))
    return Outcome(kind=OutcomeKind.DELIVERED)
