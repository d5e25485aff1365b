"""What of a setting is shown."""

from __future__ import annotations

import pytest
from pydantic import JsonValue

from cmcore.cli.discretion import discreet


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("postgresql://cm:s3cret@host/db", "postgresql://cm:***@host/db"),
        ("mysql://cm:a@b:c@host/db", "mysql://cm:***@host/db"),
        ("postgresql://cm@host/db", "postgresql://cm@host/db"),
        ("s3://bucket/prefix", "s3://bucket/prefix"),
        ({"key": "AKIA", "secret": "x", "endpoint": "http://h:9"}, {"key": "AKIA", "secret": "***", "endpoint": "http://h:9"}),
        ({"nested": {"client_secret": "x"}}, {"nested": {"client_secret": "***"}}),
        ({"password": "${secret:db}"}, {"password": "${secret:db}"}),
        ({"tokens": ["a", "b"]}, {"tokens": ["***", "***"]}),
        (["http://u:p@h/"], ["http://u:***@h/"]),
        (3, 3),
        (None, None),
    ],
)  # fmt: skip
def test_passwords_are_starred(value: JsonValue, shown: JsonValue) -> None:
    assert discreet(value) == shown
