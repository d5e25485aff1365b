"""Names by which registries and model servers were attacked (CVE-2023-31036, 2025-23316, 2025-11201, 2026-47487)."""

from __future__ import annotations

HOSTILE = [
    "../x", "..%2fx", "..%252fx", "a/../../b", "a\\..\\b", "/abs", "C:\\x", ".", "..", "", "a\0b", "con", "nul.txt",
    "com1", "a" * 129, "a" * 256, "a\n", "\na", " a", "a ", "a\t", "a\u202eb", "\uff0e\uff0e\uff0f", "caf\u00e9",
    "cafe\u0301", "\ud800", "\U0001f600", "Flights", "flights.", "-oProxyCommand=x", "--help", "; touch X",
    "$(touch X)", "`touch X`", "a|b", "a&b", "a b", "a'b", 'a"b', "a%00b", "a#b", "a?b", "a*b", "~root",
    "file:1/model.py", "a:b", "\N{CYRILLIC SMALL LETTER A}bc", "\uff41bc", "a\u00a0", "a\u200b", "a\x7f", "\ufeffa",
    "a\r\nX-Header: b", "_a", ".hidden",
]  # fmt: skip

HOSTILE_REFERENCES = [
    *(name for name in HOSTILE),
    *(f"flights@{name}" for name in HOSTILE),
    "flights@", "@1.0.0", "flights@1.0.0@2.0.0", "flights@production@dev", "flights@../1.0.0", "flights@1.0.0/..",
]  # fmt: skip
