"""Which names may be models, versions and aliases; attacks on names that registries have met, at the Python door."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmcore.errors import UsageError
from cmcore.registry.names import ALIAS, MODEL, Reference, VersionNumber, checked_alias, checked_model
from cmcore.registry.store import Registry
from tests.unit.registry.names_corpus import HOSTILE, HOSTILE_REFERENCES
from tests.unit.registry.samples import facts

NUMBERS = st.builds(VersionNumber, *[st.integers(0, 999_999_999)] * 3)


def is_taken(name: str) -> bool:
    """Whether a model may have this name."""
    try:
        return checked_model(name) == name
    except UsageError:
        return False


def is_made(registry: Registry, name: str) -> bool:
    """Whether the registry makes a model of this name, by either way."""
    try:
        registry.create(name)
    except UsageError:
        try:
            registry.register(name, facts())
        except UsageError:
            return False
    return True


@pytest.mark.parametrize("name", HOSTILE)
def test_no_hostile_name_may_be_a_models(name: str) -> None:
    with pytest.raises(UsageError, match="cannot name a model"):
        checked_model(name)


def test_no_hostile_name_leaves_anything_in_the_registry(registry: Registry) -> None:
    assert [name for name in HOSTILE if is_made(registry, name)] == []
    assert (registry.models(), registry.audit.head().seq) == ([], 0)


@pytest.mark.parametrize("name", [*HOSTILE, "latest", "1.2.0", "UPPER", "a" * 64])
def test_no_hostile_name_becomes_an_alias(name: str) -> None:
    with pytest.raises(UsageError, match="cannot be an alias"):
        checked_alias(name)


@pytest.mark.parametrize("text", HOSTILE_REFERENCES)
def test_no_hostile_reference_is_read(text: str) -> None:
    with pytest.raises(UsageError):
        Reference.parse(text)


@pytest.mark.parametrize("name", ["a", "7", "flights", "flights-delay.v2_x", "a" * 128, "a..b", "console", "com10"])
def test_a_plain_name_is_a_model(name: str) -> None:
    assert checked_model(name) == name


@given(st.text(max_size=140) | st.from_regex(MODEL))
def test_every_name_that_is_taken_is_plain_ascii_in_lower_case(name: str) -> None:
    assert is_taken(name) <= (MODEL.fullmatch(name) is not None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("flights", Reference(model="flights")),
        ("flights@1.2.0", Reference(model="flights", version=VersionNumber(1, 2, 0))),
        ("flights@production", Reference(model="flights", alias="production")),
        ("flights@latest", Reference(model="flights", alias="latest")),
    ],
)
def test_a_reference_is_read(text: str, expected: Reference) -> None:
    assert Reference.parse(text) == expected


@given(st.from_regex(MODEL, fullmatch=True).filter(lambda name: name[-1] != "." and len(name) > 4), NUMBERS)
def test_a_reference_to_a_version_is_read_back(model: str, version: VersionNumber) -> None:
    reference = Reference(model=model, version=version)
    assert Reference.parse(str(reference)) == reference


@given(st.from_regex(ALIAS, fullmatch=True).filter(lambda alias: len(alias) > 4))
def test_a_reference_to_an_alias_is_read_back(alias: str) -> None:
    assert str(Reference.parse(f"flights@{alias}")) == f"flights@{alias}"


@pytest.mark.parametrize(
    "text", ["1.2", "1.2.3.4", "01.2.3", "1.2.-3", "v1.2.3", "1.2.3\n", "\uff11.2.3", "1.2.1234567890"]
)
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"MAJOR\.MINOR\.PIPELINE"):
        VersionNumber.parse(text)


@given(NUMBERS, NUMBERS)
def test_versions_are_ordered_as_numbers(one: VersionNumber, other: VersionNumber) -> None:
    parts = [(it.major, it.minor, it.pipeline) for it in (one, other)]
    assert (one < other) == (parts[0] < parts[1])


def test_a_refusal_shows_a_name_without_what_it_would_do_to_a_terminal() -> None:
    with pytest.raises(UsageError) as caught:
        checked_model("\x1b[2Jflights\u202e")
    assert str(caught.value).isascii()
    assert "\x1b" not in str(caught.value)
