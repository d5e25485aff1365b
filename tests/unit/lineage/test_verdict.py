"""What is done after each error of ML-Metadata."""

from __future__ import annotations

import pytest
from ml_metadata import errors

from cmcore.lineage.retry import Verdict
from cmcore.lineage.verdict import VERDICTS, verdict


@pytest.mark.parametrize(
    ("kind", "message", "expected"),
    [
        (errors.AbortedError, "database is locked", Verdict.SAME_HANDLE),
        (errors.InternalError, "mysql_query failed: errno: 2013, Lost connection", Verdict.NEW_HANDLE),
        (errors.InternalError, "", Verdict.NEW_HANDLE),
        (errors.FailedPreconditionError, "Transaction already open.", Verdict.NEW_HANDLE),
        (errors.UnavailableError, "away", Verdict.NEW_HANDLE),
        (RuntimeError, "There are a subset of tables in MLMD instance", Verdict.NEW_HANDLE),
        (RuntimeError, "mysql_real_connect failed: errno: , error: ", Verdict.NEW_HANDLE),
        (RuntimeError, "file is not a database", Verdict.GIVE_UP),
        (errors.InternalError, "database disk image is malformed", Verdict.GIVE_UP),
        (errors.InvalidArgumentError, "no type", Verdict.GIVE_UP),
        (errors.NotFoundError, "no such id", Verdict.GIVE_UP),
        (RecursionError, "too deep", Verdict.GIVE_UP),
    ],
)
def test_the_error_decides_on_the_handle(kind: type[Exception], message: str, expected: Verdict) -> None:
    assert verdict(kind(message)) is expected


def test_the_names_are_those_of_real_errors() -> None:
    python = {"NotImplementedError", "RecursionError"}
    assert [name for name in VERDICTS if name not in python and not hasattr(errors, name)] == []
