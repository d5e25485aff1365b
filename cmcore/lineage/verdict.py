"""What an error of ML-Metadata says about the handle that raised it. By names, so that nothing heavy is imported.

Measured with 1.17.1 on SQLite, PostgreSQL and MariaDB; how often and how long to try again is `retry.py`.
"""

from __future__ import annotations

from cmcore.lineage.retry import Verdict

# Everything that is not listed takes the handle with it. A kept MySQL handle crashes the process at its third call
# after a lost connection, PostgreSQL's never reconnects, and SQLite's stays inside a broken transaction.
VERDICTS = {
    "AbortedError": Verdict.SAME_HANDLE,
    "AlreadyExistsError": Verdict.GIVE_UP,
    "DataLossError": Verdict.GIVE_UP,
    "InvalidArgumentError": Verdict.GIVE_UP,
    "NotFoundError": Verdict.GIVE_UP,
    "NotImplementedError": Verdict.GIVE_UP,
    "OutOfRangeError": Verdict.GIVE_UP,
    "PermissionDeniedError": Verdict.GIVE_UP,
    "RecursionError": Verdict.GIVE_UP,
    "UnauthenticatedError": Verdict.GIVE_UP,
    "UnimplementedError": Verdict.GIVE_UP,
}
LASTING = (
    "is not a database",
    "malformed",
    "password authentication failed",
    "is greater than library version",
    "enable_upgrade_migration",
    "out of range",
)


def verdict(error: Exception) -> Verdict:
    """By the error's class, and by the few texts that no new handle will change."""
    if any(text in str(error) for text in LASTING):
        return Verdict.GIVE_UP
    return VERDICTS.get(type(error).__name__, Verdict.NEW_HANDLE)
