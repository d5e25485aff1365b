"""Which version of a type takes a record."""

from __future__ import annotations

import pytest

from cmcore.errors import LineageError
from cmcore.lineage.kinds import Kind, Kinds, fitting

INT, TEXT = 1, 3
FIRST = Kind(name="T", fields={"a": INT}, id=1)
SECOND = Kind(name="T", version="2", fields={"a": TEXT}, id=2)


@pytest.mark.parametrize(
    ("fields", "chosen"),
    [
        ({"a": INT}, ("", {"a": INT})),
        ({"b": INT}, ("", {"a": INT, "b": INT})),
        ({"a": TEXT}, ("2", {"a": TEXT})),
        ({"a": TEXT, "b": INT}, ("2", {"a": TEXT, "b": INT})),
        ({"a": 2}, ("3", {"a": 2})),
    ],
)
def test_the_first_version_that_takes_the_fields_is_extended(
    fields: dict[str, int], chosen: tuple[str, dict[str, int]]
) -> None:
    found = fitting([FIRST, SECOND], Kind(name="T", fields=fields))
    assert (found.version, found.fields) == chosen


def test_the_first_version_has_no_name() -> None:
    assert fitting([], Kind(name="T")).version == ""


def test_a_gap_in_the_versions_is_filled() -> None:
    assert fitting([SECOND], Kind(name="T", fields={"a": INT})).version == ""


class Table:
    """A table of types that counts what is asked of it, and may lose the first registrations to others."""

    def __init__(self, *, lost: int = 0) -> None:
        self.kinds: list[Kind] = []
        self.listings, self.lost = 0, lost

    def listed(self) -> list[Kind]:
        self.listings += 1
        return self.kinds

    def register(self, kind: Kind) -> None:
        self.lost -= 1
        if self.lost < 0:
            self.kinds.append(Kind(name=kind.name, version=kind.version, fields=kind.fields, id=len(self.kinds) + 1))


def test_a_shape_is_registered_once() -> None:
    table = Table()
    kinds = Kinds(table)
    ids = {kinds.id(FIRST), kinds.id(FIRST), kinds.id(Kind(name="T"))}
    assert (ids, table.listings) == ({1}, 2)


def test_a_registration_that_was_lost_is_made_again() -> None:
    assert Kinds(Table(lost=3)).id(FIRST) == 1


def test_a_type_that_others_keep_changing_is_given_up() -> None:
    with pytest.raises(LineageError, match="'T'"):
        Kinds(Table(lost=100)).id(FIRST)
