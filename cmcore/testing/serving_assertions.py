"""Imported before the claims: pytest shows what was compared when one of them fails, as it does in test files."""

import sys

import pytest

SERVING = ("answers", "capabilities", "lifetime", "refusals", "visits")
CLAIMS = [
    *(f"cmcore.testing.serving_{part}" for part in SERVING),
    *(f"cmcore.testing.open_inference_{part}" for part in ("claims", "clients")),
]

pytest.register_assert_rewrite(*(name for name in CLAIMS if name not in sys.modules))
