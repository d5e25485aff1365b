"""Blessed or not, and why: checks as values, and what they come to. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was tried: what was asked for and what was found. `took_s` is how long it took."""

    name: str
    passed: bool
    asked: str
    found: str
    took_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Blessed where there are checks and all passed."""

    blessed: bool
    reason: str


def verdict(checks: Sequence[Check]) -> Verdict:
    """What the checks come to; without any nothing is blessed: silence is no evidence."""
    failed = [check for check in checks if not check.passed]
    if not checks:
        return Verdict(blessed=False, reason="nothing was checked")
    if failed:
        told = "; ".join(f"{check.name}: asked for {check.asked}, found {check.found}" for check in failed)
        return Verdict(blessed=False, reason=told)
    return Verdict(blessed=True, reason=f"all {len(checks)} checks passed")
