"""Calls on a handle that may go bad: when to try again, on which handle, and when to give up.

Knows no store: what an error means is the caller's verdict, and the work must be safe to do twice.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from cmcore.errors import LineageError

H = TypeVar("H")
R = TypeVar("R")


class Verdict(StrEnum):
    """What an error says about the handle that raised it."""

    SAME_HANDLE = "same handle"
    NEW_HANDLE = "new handle"
    GIVE_UP = "give up"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Exponential pauses with full jitter, until the deadline."""

    first_s: float = 0.005
    cap_s: float = 0.25
    deadline_s: float = 30.0

    def pause_s(self, attempt: int, uniform: float) -> float:
        """The pause after a failed attempt (counted from 0); `uniform` is drawn from [0, 1)."""
        return uniform * min(self.cap_s, self.first_s * float(2 ** min(attempt, 30)))


PATIENT = RetryPolicy()


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Time and chance as the retries see them; tests hand in their own."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    uniform: Callable[[], float] = random.random


REAL_CLOCK = Clock()


class Reopening(Generic[H]):
    """The only owner of a handle: opens it at first use, drops it at the first error that may have poisoned it."""

    def __init__(
        self,
        name: str,
        open_handle: Callable[[], H],
        verdict: Callable[[Exception], Verdict],
        *,
        errors: tuple[type[Exception], ...],
        policy: RetryPolicy,
        clock: Clock = REAL_CLOCK,
    ) -> None:
        self._name = name
        self._open, self._verdict, self._errors = open_handle, verdict, errors
        self._policy, self._clock = policy, clock
        self._handle: H | None = None
        self._lock = threading.RLock()
        self.opened = 0

    def call(self, work: Callable[[H], R]) -> R:
        """Do the work on a good handle; raises LineageError after the deadline or for a lasting error."""
        give_up_at = self._clock.now() + self._policy.deadline_s
        attempt = 0
        while True:
            try:
                with self._lock:
                    return work(self._current())
            except UnicodeEncodeError as error:
                raise LineageError(f"{self._name} keeps no text such as {str(error.object)[:80]!a}") from error
            except self._errors as error:
                pause_s = self._judged(error, attempt, give_up_at)
            self._clock.sleep(pause_s)
            attempt += 1

    def drop(self) -> None:
        """Forget the handle; the next call opens another."""
        with self._lock:
            self._handle = None

    def _current(self) -> H:
        if self._handle is None:
            self._handle = self._open()
            self.opened += 1
        return self._handle

    def _judged(self, error: Exception, attempt: int, give_up_at: float) -> float:
        """The pause before the next attempt; raises where there is none."""
        verdict = self._verdict(error)
        if verdict is not Verdict.SAME_HANDLE:
            self.drop()
        said = f"{type(error).__name__}: {_first_line(error)}"
        if verdict is Verdict.GIVE_UP:
            raise LineageError(f"{self._name} refused: {said}") from error
        pause_s = self._policy.pause_s(attempt, self._clock.uniform())
        if self._clock.now() + pause_s >= give_up_at:
            raise LineageError(
                f"{self._name} did not answer within {self._policy.deadline_s:g} s and {attempt + 1} attempts; "
                f"last: {said}. Check that it is up and lets this user in; the call may have taken effect and can "
                f"be made again"
            ) from error
        return pause_s


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no message"])[0][:300]
