"""Settings as they may be shown: passwords in URLs, and options that are named like secrets, are starred."""

from __future__ import annotations

import re

from pydantic import JsonValue

STARS = "***"
URL_PASSWORD = re.compile(r"(://[^/@:\s]*:)[^/\s]*(?=@)")
SECRET_NAME = re.compile(r"secret|password|passwd|token|credential|api_?key|private|sas|signature", re.IGNORECASE)
REFERENCE = re.compile(r"\$\{(secret|env):[^}]*\}")


def discreet(value: JsonValue, name: str = "") -> JsonValue:
    """The value with what should not be read over a shoulder starred; references to secrets are shown as they are."""
    match value:
        case dict():
            return {key: discreet(item, key) for key, item in value.items()}
        case list():
            return [discreet(item, name) for item in value]
        case str() if SECRET_NAME.search(name) and not REFERENCE.fullmatch(value):
            return STARS
        case str():
            return URL_PASSWORD.sub(rf"\g<1>{STARS}", value)
    return value
