"""How a command ends whose request had no answer."""

from __future__ import annotations

import pytest

from cmcore.errors import InferenceError, InferenceStatus


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (InferenceStatus.INVALID, 65),
        (InferenceStatus.NOT_FOUND, 65),
        (InferenceStatus.UNAVAILABLE, 69),
        (InferenceStatus.TIMEOUT, 69),
        (InferenceStatus.FAILED, 70),
    ],
)
def test_who_is_to_blame_is_told_by_the_exit_code(status: InferenceStatus, code: int) -> None:
    assert InferenceError("no answer", status).exit_code == code
