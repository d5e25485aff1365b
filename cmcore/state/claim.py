"""The decision whether a lease may be taken: a pure function of what is recorded, the time and the holder's fate.

Nothing is read or written here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cmcore.state.clock import Instant
from cmcore.state.holder import Holder


class Standing(StrEnum):
    """How a lease stands; all but HELD may be taken."""

    FREE = "free"
    EXPIRED = "expired"
    ABANDONED = "abandoned"
    HELD = "held"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenure:
    """What is recorded of a lease: the last holder, and the stretch of one epoch for which it has it."""

    token: int
    held: bool
    holder: Holder
    epoch: str
    acquired_at_s: float
    expires_at_s: float


def standing(tenure: Tenure, *, now: Instant, holder_is_gone: bool) -> Standing:
    """Free once given back, expired by time or by another boot, abandoned once its process is known to be gone."""
    if not tenure.held:
        return Standing.FREE
    if tenure.epoch != now.epoch or tenure.expires_at_s <= now.seconds:
        return Standing.EXPIRED
    return Standing.ABANDONED if holder_is_gone else Standing.HELD


def refusal(name: str, tenure: Tenure, *, now: Instant) -> str:
    """What to tell those who ask for a lease that is held."""
    age_s, rest_s = now.seconds - tenure.acquired_at_s, tenure.expires_at_s - now.seconds
    return (
        f"{name!r} has been held by {tenure.holder} for {age_s:.1f} s, and that lease runs another {rest_s:.1f} s. "
        f"Wait for it, or end process {tenure.holder.pid} on {tenure.holder.host}."
    )
