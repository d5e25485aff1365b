"""What can go wrong with a payload, each with the code that a failed execution is recorded with.

Errors of the operating system and of object stores become these here and nowhere else.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from cmcore.errors import CmError, StorageError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class StorageFullError(StorageError):
    """No space is left where a payload is written."""

    code: ClassVar[str] = "STORAGE_FULL"


class DigestMismatchError(StorageError):
    """A payload does not hold the bytes that were sealed."""

    code: ClassVar[str] = "DIGEST_MISMATCH"


class SecretFoundError(StorageError):
    """A file holds a value that must not be stored; the message never shows it."""

    code: ClassVar[str] = "SECRET_IN_OUTPUT"


class StorageUnusableError(StorageError):
    """The root cannot be used at all: found before anything runs."""

    exit_code = 78
    code: ClassVar[str] = "STORAGE_UNUSABLE"


@contextmanager
def disk_errors(action: str, place: str) -> Iterator[None]:
    """Turn an OSError into a StorageError that says what was attempted, where, and what to do."""
    try:
        yield
    except OSError as error:
        raise from_os(error, action, place) from error


@contextmanager
def object_errors(action: str, place: str) -> Iterator[None]:
    """Like `disk_errors` for fsspec, whose file systems raise whatever their client libraries raise."""
    try:
        yield
    except CmError:
        raise
    except OSError as error:
        raise from_os(error, action, place) from error
    except Exception as error:
        raise StorageError(f"cannot {action} {place!r}: {type(error).__name__}: {error}") from error


def from_os(error: OSError, action: str, place: str) -> StorageError:
    """The StorageError for an OSError: the full disk is told apart."""
    reason = error.strerror or str(error)
    if error.errno in FULL:
        return StorageFullError(f"cannot {action} {place!r}: {reason}. Free some space, for instance with `cm gc`")
    return StorageError(f"cannot {action} {place!r}: {reason}")
