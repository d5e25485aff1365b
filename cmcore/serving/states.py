"""The life of a deployment (one model version on one server under its own name), as a table; the picture is made of it.

Whether a deployment has traffic is not its state: the endpoint says so, and only a WARM one can be given any.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from cmcore.errors import StateError


class DeploymentState(StrEnum):
    """DECLARED: wanted, nothing done. FAILED: refused, its remains still there. GONE and REJECTED are final."""

    DECLARED = "DECLARED"
    PLACED = "PLACED"
    LOADED = "LOADED"
    WARM = "WARM"
    DRAINING = "DRAINING"
    UNLOADED = "UNLOADED"
    GONE = "GONE"
    FAILED = "FAILED"
    REJECTED = "REJECTED"

    @property
    def final(self) -> bool:
        """Whether nothing of it is on any server that is known of, and nothing more happens to it."""
        return not TRANSITIONS[self]


class Change(StrEnum):
    """What happens to a deployment. LOST: the server has it no more, though nobody took it away. FORGOTTEN: its server
    is away, and is not asked any more whether something of it is left."""

    PLACED = "placed"
    LOADED = "loaded"
    WARMED = "warmed"
    REFUSED = "refused"
    LOST = "lost"
    RETIRED = "retired"
    RECALLED = "recalled"
    UNLOADED = "unloaded"
    CLEARED = "cleared"
    FORGOTTEN = "forgotten"


S, C = DeploymentState, Change
TRANSITIONS: Mapping[DeploymentState, Mapping[Change, DeploymentState]] = {
    S.DECLARED: {C.PLACED: S.PLACED, C.REFUSED: S.FAILED, C.RETIRED: S.UNLOADED},
    S.PLACED: {C.LOADED: S.LOADED, C.REFUSED: S.FAILED, C.RETIRED: S.DRAINING},
    S.LOADED: {C.WARMED: S.WARM, C.REFUSED: S.FAILED, C.LOST: S.PLACED, C.RETIRED: S.DRAINING},
    S.WARM: {C.LOST: S.PLACED, C.RETIRED: S.DRAINING},
    S.DRAINING: {C.RECALLED: S.PLACED, C.UNLOADED: S.UNLOADED, C.FORGOTTEN: S.GONE},
    S.UNLOADED: {C.CLEARED: S.GONE, C.FORGOTTEN: S.GONE},
    S.FAILED: {C.CLEARED: S.REJECTED, C.FORGOTTEN: S.REJECTED},
    S.GONE: {},
    S.REJECTED: {},
}


def after(state: DeploymentState, change: Change) -> DeploymentState:
    """The state after a change; raises StateError where it cannot happen in this state."""
    if change not in TRANSITIONS[state]:
        possible = ", ".join(TRANSITIONS[state]) or "nothing more"
        raise StateError(f"a deployment that is {state} cannot be {change}; it can be {possible}")
    return TRANSITIONS[state][change]
