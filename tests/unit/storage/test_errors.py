"""Errors of disks and object stores become StorageErrors with the code that a failure is recorded with."""

from __future__ import annotations

import errno

import pytest

from cmcore.errors import StorageError
from cmcore.storage.errors import StorageFullError, StorageUnusableError, disk_errors, from_os, object_errors


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_apart(number: int) -> None:
    error = from_os(OSError(number, "full"), "write", "/x")
    assert (type(error), getattr(error, "code", "")) == (StorageFullError, "STORAGE_FULL")


def test_other_errors_say_what_was_attempted_and_where() -> None:
    with pytest.raises(StorageError, match="cannot write '/x': Input/output error"), disk_errors("write", "/x"):
        raise OSError(errno.EIO, "Input/output error")


def test_errors_of_client_libraries_are_named() -> None:
    with pytest.raises(StorageError, match="cannot list 's3://x': ValueError: odd"), object_errors("list", "s3://x"):
        raise ValueError("odd")


def test_an_error_that_is_ours_already_stays_as_it_is() -> None:
    with pytest.raises(StorageUnusableError, match="known"), object_errors("list", "s3://x"):
        raise StorageUnusableError("known")
