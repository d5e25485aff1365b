from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmcore.registry.compatibility import WIDER_TYPES, interface_findings
from cmcore.registry.facts import Column, Interface
from cmcore.registry.wording import LISTED, listed

LONG, MAYBE = Column(type="long"), Column(type="double", required=False)
CITY = Column(type="string", domain=("Bonn", "Oslo"))
ANY_CITY = Column(type="string")
OUTPUT = {"probability": Column(type="float")}
TYPES = ["integer", "long", "float", "double", "string", "boolean"]


def interface(schema: str = "sha256:5c", target: dict[str, Column] | None = None, **inputs: Column) -> Interface:
    return Interface(inputs=inputs, outputs=OUTPUT, target=target or {}, schema_digest=schema)


def found(before: Interface, after: Interface, rule: str) -> tuple[bool, str]:
    return next((each.holds, each.found) for each in interface_findings(before, after) if each.rule == rule)


def breaks(before: Interface, after: Interface) -> list[str]:
    return [finding.found for finding in interface_findings(before, after) if not finding.holds]


def test_what_callers_may_do_besides_is_remarked_upon() -> None:
    before, after = interface(x=LONG, city=CITY), interface(x=MAYBE, y=MAYBE, city=ANY_CITY)
    rules = ["no required input is added", "no optional input becomes required", "inputs take the values they took"]
    assert [found(before, after, rule) for rule in rules] == [
        (True, "'y' (double) may be sent now"),
        (True, "'x' may be left out now"),
        (True, "'city' takes any value now"),
    ]


def test_an_input_that_is_no_longer_read_breaks_nobody() -> None:
    assert found(interface(x=LONG, y=LONG), interface(x=LONG), "no required input is added") == (
        True, "'y' is no longer read",
    )  # fmt: skip


@pytest.mark.parametrize(("before", "after"), [("integer", "long"), ("integer", "double"), ("float", "double")])
def test_a_type_that_holds_every_old_value_breaks_nobody(before: str, after: str) -> None:
    assert breaks(interface(x=Column(type=before)), interface(x=Column(type=after))) == []


@pytest.mark.parametrize(("before", "after"), [("long", "double"), ("double", "float"), ("long", "string")])
def test_a_type_that_does_not_breaks_callers(before: str, after: str) -> None:
    assert breaks(interface(x=Column(type=before)), interface(x=Column(type=after))) == [
        f"'x' was {before} and is {after}"
    ]


def test_a_domain_is_not_held_against_a_version_whose_predecessor_had_no_schema() -> None:
    assert found(interface(schema="", city=ANY_CITY), interface(city=CITY), "inputs take the values they took") == (
        True, "not compared: no schema is known of one version (1)",
    )  # fmt: skip


def test_a_lost_schema_takes_no_demand_away_and_makes_none() -> None:
    before, after = interface(city=CITY, x=MAYBE), interface(schema="", city=ANY_CITY, x=Column(type="double"))
    rules = ["no optional input becomes required", "inputs take the values they took"]
    assert [found(before, after, rule) for rule in rules] == [
        (True, "not compared: no schema is known of the new version"),
        (True, "not compared: no schema is known of one version (1)"),
    ]


def test_a_first_signature_breaks_nobody() -> None:
    assert breaks(Interface(), interface(x=LONG)) == []


def test_an_unknown_type_of_the_target_is_not_compared() -> None:
    known, unknown = interface(target={"late": LONG}), interface(target={"late": Column(type="")})
    assert breaks(known, unknown) == []


def test_a_target_that_is_no_longer_declared_breaks_callers() -> None:
    assert breaks(interface(target={"late": LONG}), interface()) == ["the target was 'late' and is not declared"]


def test_a_second_target_breaks_nobody() -> None:
    assert breaks(interface(target={"late": LONG}), interface(target={"late": LONG, "delay": LONG})) == []


def test_a_long_list_is_cut_and_counted() -> None:
    assert listed(["x"] * (LISTED + 3)).endswith("x; and 3 more")


COLUMNS = st.builds(
    Column, type=st.sampled_from(TYPES), required=st.booleans(),
    domain=st.none() | st.frozensets(st.sampled_from("abc"), min_size=1).map(lambda each: tuple(sorted(each))),
)  # fmt: skip
TABLES = st.dictionaries(st.sampled_from("xyz"), COLUMNS)
COMPLETE = st.builds(
    Interface, inputs=TABLES, outputs=TABLES.filter(bool), target=TABLES.filter(bool), schema_digest=st.just("sha256:5")
)


@given(same=st.builds(Interface, inputs=TABLES, outputs=TABLES, target=TABLES))
def test_nothing_is_incompatible_with_itself(same: Interface) -> None:
    assert breaks(same, same) == []


def accepts(interface: Interface, name: str, column: Column, value: str | None) -> bool:
    """Whether a model takes this value of what the caller calls a column of that type; None: it is left out."""
    asked = interface.inputs.get(name)
    if asked is None:
        return True
    if value is None:
        return not asked.required
    typed = column.type == asked.type or asked.type in WIDER_TYPES.get(column.type, ())
    return typed and (asked.domain is None or value in asked.domain)


@given(before=COMPLETE, after=COMPLETE, name=st.sampled_from("xyz"), value=st.none() | st.sampled_from("abcd"))
def test_what_the_older_version_took_the_newer_takes_unless_it_breaks_callers(
    before: Interface, after: Interface, name: str, value: str | None
) -> None:
    column = before.inputs.get(name, Column(type="", required=False))
    sent = value if name in before.inputs else None
    taken_before = accepts(before, name, column, sent)
    taken_after = accepts(after, name, column, sent)
    assert bool(breaks(before, after)) or taken_before <= taken_after
