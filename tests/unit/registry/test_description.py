"""Properties, notes and links of models and versions."""

from __future__ import annotations

import pytest
from pydantic import JsonValue

from cmcore.errors import NotFoundError, UsageError
from cmcore.registry.store import Registry
from cmcore.registry.values import Link, Note
from cmcore.state.database import StateDatabase
from cmcore.state.journal import Journal
from tests.unit.registry.samples import NOW, facts, ref


@pytest.fixture
def one(registry: Registry) -> Registry:
    registry.register("flights", facts(1))
    return registry


@pytest.mark.parametrize("reference", ["flights", "flights@1.0.0", "flights@latest"])
def test_properties_come_back_as_they_were(one: Registry, reference: str) -> None:
    given: dict[str, JsonValue] = {
        "owner": "Delays \N{SNOWMAN}",
        "limits": ["rain", 3.5, None],
        "reviewed": True,
        "n": 10**30,
    }
    one.describe(ref(reference), given)
    found = one.model("flights").properties if reference == "flights" else one.version(ref(reference)).properties
    assert found == given


def test_a_property_of_the_model_is_none_of_its_version(one: Registry) -> None:
    one.describe(ref("flights"), {"owner": "delays"})
    assert one.version(ref("flights@latest")).properties == {}


@pytest.mark.parametrize("reference", ["flights", "flights@1.0.0"])
def test_none_takes_a_property_away(one: Registry, reference: str) -> None:
    one.describe(ref(reference), {"owner": "delays", "team": "x"})
    one.describe(ref(reference), {"owner": None})
    assert {**one.model("flights").properties, **one.version(ref("flights@1.0.0")).properties} == {"team": "x"}


@pytest.mark.parametrize("reference", ["flights", "flights@1.0.0"])
def test_what_is_so_already_is_no_change(one: Registry, reference: str) -> None:
    one.describe(ref(reference), {"owner": "delays"})
    head = one.audit.head()
    one.describe(ref(reference), {"owner": "delays", "absent": None})
    assert one.audit.head() == head


def test_one_and_true_are_different_properties(one: Registry) -> None:
    one.describe(ref("flights@1.0.0"), {"reviewed": 1})
    one.describe(ref("flights@1.0.0"), {"reviewed": True})
    assert one.version(ref("flights@1.0.0")).properties["reviewed"] is True


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("", 1),
        ("a b", 1),
        ("a" * 64, 1),
        ("a\n", 1),
        ("1a", 1),
        ("a", float("nan")),
        ("a", "\ud800"),
        ("a", "x" * 20_001),
    ],
)
def test_no_such_property_is_kept(one: Registry, name: str, value: JsonValue) -> None:
    with pytest.raises(UsageError):
        one.describe(ref("flights@1.0.0"), {name: value})
    assert one.version(ref("flights@1.0.0")).properties == {}


def test_notes_add_up(one: Registry, bobs: Registry) -> None:
    one.note(ref("flights@1.0.0"), "first look")
    bobs.note(ref("flights@1.0.0"), "second\nlook")
    assert [(it.actor, it.text) for it in one.notes(ref("flights@latest"))] == [
        ("ana", "first look"),
        ("bob", "second\nlook"),
    ]


def test_a_note_on_the_model_is_none_on_its_version(one: Registry) -> None:
    note = one.note(ref("flights"), "retire it in March")
    assert (one.notes(ref("flights")), one.notes(ref("flights@1.0.0"))) == ([note], [])
    assert note == Note(model="flights", version=None, actor="ana", at=NOW, text="retire it in March")


@pytest.mark.parametrize("text", ["", "  \n", "x" * 20_001, "a\0b"])
def test_no_such_note_is_kept(one: Registry, text: str) -> None:
    with pytest.raises(UsageError):
        one.note(ref("flights"), text)
    assert one.notes(ref("flights")) == []


def test_a_link_is_one_for_each_relation(one: Registry) -> None:
    one.link(ref("flights@1.0.0"), "ticket", "https://t.example/1")
    one.link(ref("flights@1.0.0"), "ticket", "https://t.example/2")
    one.link(ref("flights@1.0.0"), "paper", "https://p.example/")
    assert one.links(ref("flights@1.0.0")) == [
        Link(rel="paper", url="https://p.example/"),
        Link(rel="ticket", url="https://t.example/2"),
    ]


def test_an_empty_link_takes_the_old_one_away(one: Registry) -> None:
    one.link(ref("flights"), "ticket", "https://t.example/1")
    one.link(ref("flights"), "ticket", "")
    assert one.links(ref("flights")) == []


def test_linking_twice_is_the_same_as_once(one: Registry) -> None:
    one.link(ref("flights"), "ticket", "https://t.example/1")
    head = one.audit.head()
    one.link(ref("flights"), "ticket", "https://t.example/1")
    assert one.audit.head() == head


def test_a_link_with_a_password_is_refused(one: Registry) -> None:
    with pytest.raises(UsageError, match="a user or a password"):
        one.link(ref("flights"), "mlflow", "https://ana:canary@t.example/1")


@pytest.mark.parametrize("reference", ["trains", "flights@2.0.0", "flights@best"])
def test_what_is_not_there_is_not_described(one: Registry, reference: str) -> None:
    head = one.audit.head()
    with pytest.raises(NotFoundError):
        one.describe(ref(reference), {"a": 1})
    with pytest.raises(NotFoundError):
        one.note(ref(reference), "x")
    with pytest.raises(NotFoundError):
        one.link(ref(reference), "x", "https://t.example/")
    assert one.audit.head() == head


def test_each_is_told_to_the_event_log(one: Registry, database: StateDatabase) -> None:
    one.describe(ref("flights"), {"owner": "delays"})
    one.note(ref("flights@1.0.0"), "seen")
    one.link(ref("flights@1.0.0"), "ticket", "https://t.example/1")
    told = [(it.kind.value, it.data.get("version"), next(iter(it.data))) for it in Journal(database).read()[-3:]]
    assert told == [
        ("model.described", None, "properties"),
        ("version.described", "1.0.0", "note"),
        ("version.described", "1.0.0", "link"),
    ]
