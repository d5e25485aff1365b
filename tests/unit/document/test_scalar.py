"""Plain scalars mean what YAML 1.2's core schema says."""

from __future__ import annotations

import pytest

from cmcore.document.scalar import Scalar, resolve

SAME_AS_TEXT = [
    "no",
    "yes",
    "on",
    "Off",
    "y",
    "1:30",
    "2020-01-01",
    "1_000",
    "0b1",
    "0o8",
    "-0x1",
    "1e",
    ".",
    "+",
    "nul",
    "TRue",
]


@pytest.mark.parametrize("text", SAME_AS_TEXT)
def test_what_only_older_yaml_converts_stays_text(text: str) -> None:
    assert resolve(text) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None), ("~", None), ("NULL", None), ("true", True), ("FALSE", False),
        ("010", 10), ("-7", -7), ("+7", 7), ("0x1F", 31), ("0o17", 15), ("0" * 5000 + "1", 1),
        ("9223372036854775807", 2**63 - 1), ("-9223372036854775808", -(2**63)),
        ("1e3", 1000.0), ("-.5", -0.5), ("1.", 1.0), ("1.5E-3", 0.0015),
    ],
)  # fmt: skip
def test_core_schema_values(text: str, value: Scalar) -> None:
    assert (resolve(text), type(resolve(text))) == (value, type(value))


@pytest.mark.parametrize("text", ["9223372036854775808", "-9223372036854775809", "9" * 900_000, "0x" + "f" * 17])
def test_integers_beyond_64_bits_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="does not fit into 64 bits"):
        resolve(text)


@pytest.mark.parametrize("text", [".nan", ".NaN", ".inf", "-.Inf", "+.INF"])
def test_numbers_that_are_not_finite_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a finite number"):
        resolve(text)


def test_a_float_that_overflows_is_refused() -> None:
    with pytest.raises(ValueError, match="too large for a float"):
        resolve("1e999")
