"""Points in time as people write and read them: ISO 8601, seconds since 1970, `2 days ago`, `now`. No clock is read."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from fractions import Fraction
from math import ceil

from cmcore.errors import UsageError

AGO = re.compile(r"([0-9]{1,9}) *(second|minute|hour|day|week)s? ago")
UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
SECONDS = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?")
YEAR_10000 = 253_402_300_800.0


def seconds_of(text: str, now: float, zone: tzinfo | None = UTC) -> float:
    """Seconds since 1970; a date without an offset is one of `zone`, None for this machine's. Raises UsageError."""
    if text == "now":
        return now
    if found := AGO.fullmatch(text):
        return now - int(found[1]) * UNITS[found[2]]
    if SECONDS.fullmatch(text) and len(text) > 4:  # four digits are a year to some and a second to others
        return float(text)
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=zone)).timestamp()
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"{text[:80]!a} is no point in time; write 2026-03-01, 2026-03-01T12:00:00+01:00, seconds since 1970, "
            "'2 days ago' or now"
        ) from error


def written(seconds: float) -> str:
    """The second in UTC, such as `2026-03-01 12:00:00Z`."""
    if not 0 <= seconds < YEAR_10000:
        return f"{seconds:.0f} s since 1970"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def exactly(seconds: float) -> str:
    """The millisecond in UTC at which it had just happened, so that what is asked by this time includes it."""
    whole, past = divmod(ceil(Fraction(seconds) * 1000), 1000)
    return written(whole).replace("Z", f".{past:03d}Z")


def check_past(seconds: float, now: float) -> None:
    """Raise UsageError for a time that has not come yet."""
    if seconds > now:
        raise UsageError(f"{written(seconds)} has not come yet, and nobody knows what will be then; ask for now")
