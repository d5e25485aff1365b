"""What `steps` says; the tests edit it."""

from __future__ import annotations


def loud(text: str) -> str:
    """The text in capitals."""
    return text.upper()
