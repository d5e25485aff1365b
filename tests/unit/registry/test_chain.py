"""The chain: whatever is changed, taken away, put in or moved, the verification says where."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmcore.events import EventKind
from cmcore.registry.audit import Change, linked
from cmcore.registry.chain import START, Head, hash_of, verify
from cmcore.registry.values import AuditEntry

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
CHANGES = st.builds(
    Change,
    kind=st.sampled_from(EventKind),
    model=st.text(max_size=9),
    version=st.text(max_size=9),
    data=st.dictionaries(st.text(max_size=9), VALUES, max_size=3),
)
FIELDS = [field.name for field in fields(AuditEntry)]
TAMPERED: dict[str, Callable[[AuditEntry], AuditEntry]] = {
    "seq": lambda entry: replace(entry, seq=entry.seq + 1),
    "at": lambda entry: replace(entry, at=entry.at + 0.001),
    "actor": lambda entry: replace(entry, actor=entry.actor + "x"),
    "action": lambda entry: replace(entry, action=entry.action + "x"),
    "model": lambda entry: replace(entry, model=entry.model + "x"),
    "version": lambda entry: replace(entry, version=entry.version + "x"),
    "data": lambda entry: replace(entry, data={**entry.data, "reason\0": "another"}),
    "previous": lambda entry: replace(entry, previous="f" * 64),
    "hash": lambda entry: replace(entry, hash="f" * 64),
}


def chained(changes: list[Change]) -> list[AuditEntry]:
    entries: list[AuditEntry] = []
    head = START
    for number, change in enumerate(changes):
        entry = linked(change, head, at=1e9 + number, actor="ana")
        entries.append(entry)
        head = Head(seq=entry.seq, hash=entry.hash)
    return entries


def head_of(entries: list[AuditEntry]) -> Head:
    return Head(seq=entries[-1].seq, hash=entries[-1].hash)


def heads(entries: list[AuditEntry]) -> list[Head]:
    return [Head(seq=entry.seq, hash=entry.hash) for entry in entries]


def rehashed(entries: list[AuditEntry]) -> list[AuditEntry]:
    """The chain written anew over changed entries, as somebody who knows the rules would."""
    written: list[AuditEntry] = []
    head = START
    for entry in entries:
        whole = replace(entry, seq=head.seq + 1, previous=head.hash)
        written.append(replace(whole, hash=hash_of(whole)))
        head = Head(seq=whole.seq, hash=written[-1].hash)
    return written


CHAINS = st.lists(CHANGES, min_size=3, max_size=8).map(chained)
FIVE = chained([Change(kind=EventKind.ALIAS_MOVED, model="flights", version=f"1.0.{number}") for number in range(5)])


@given(entries=CHAINS)
def test_an_untouched_chain_holds(entries: list[AuditEntry]) -> None:
    report = verify(entries, head_of(entries), witnesses=heads(entries), noted=heads(entries)[1])
    assert (report.ok, report.entries) == (True, len(entries))


def test_an_empty_chain_holds() -> None:
    assert verify([], START, witnesses=[]).ok


@given(entries=CHAINS, place=st.integers(0, 2), field=st.sampled_from(FIELDS))
def test_any_changed_field_of_any_entry_is_found(entries: list[AuditEntry], place: int, field: str) -> None:
    changed = [*entries]
    changed[place] = TAMPERED[field](entries[place])
    report = verify(changed, head_of(entries))
    assert not report.ok
    assert report.first_bad in {place + 1, place + 2}


@given(entries=CHAINS, place=st.integers(0, 2))
def test_a_changed_entry_with_a_hash_to_match_is_found_at_the_next(entries: list[AuditEntry], place: int) -> None:
    changed = replace(entries[place], actor="mallory")
    forged = [*entries[:place], replace(changed, hash=hash_of(changed)), *entries[place + 1 :]]
    assert not verify(forged, head_of(entries)).ok


@given(entries=CHAINS, place=st.integers(0, 2))
def test_a_removed_entry_is_found(entries: list[AuditEntry], place: int) -> None:
    left = entries[:place] + entries[place + 1 :]
    report = verify(left, head_of(entries))
    assert (report.ok, report.first_bad) == (False, place + 1)


@given(entries=CHAINS, count=st.integers(1, 3))
def test_a_cut_tail_is_found(entries: list[AuditEntry], count: int) -> None:
    report = verify(entries[:-count], head_of(entries))
    assert (report.ok, report.first_bad) == (False, len(entries) - count + 1)


@given(entries=CHAINS)
def test_entries_that_changed_places_are_found(entries: list[AuditEntry]) -> None:
    swapped = [replace(entries[1], seq=1), replace(entries[0], seq=2), *entries[2:]]
    assert verify(swapped, head_of(entries)).first_bad == 1


@given(entries=CHAINS)
def test_an_entry_after_the_end_is_found(entries: list[AuditEntry]) -> None:
    extra = linked(Change(kind=EventKind.ALIAS_MOVED, model="x"), head_of(entries), at=0.0, actor="mallory")
    assert verify([*entries, extra], head_of(entries)).first_bad == extra.seq


def test_a_changed_end_is_found() -> None:
    assert not verify(FIVE, Head(seq=5, hash="f" * 64)).ok


@pytest.mark.parametrize("place", range(5))
def test_a_chain_written_anew_is_found_by_the_event_log(place: int) -> None:
    forged = [*FIVE]
    forged[place] = replace(FIVE[place], actor="mallory")
    anew = rehashed(forged)
    assert verify(anew, head_of(anew)).ok
    assert verify(anew, head_of(anew), witnesses=heads(FIVE)).first_bad == place + 1


def test_an_entry_left_out_of_a_chain_written_anew_is_found_by_the_event_log() -> None:
    anew = rehashed(FIVE[:-1])
    assert "event log knows of entry 5" in verify(anew, head_of(anew), witnesses=heads(FIVE)).reason


def test_an_entry_without_its_event_is_found() -> None:
    assert verify(FIVE, head_of(FIVE), witnesses=heads(FIVE)[:-1]).first_bad == 5


def test_a_chain_and_events_written_anew_are_found_by_a_noted_head() -> None:
    anew = rehashed([replace(FIVE[0], actor="mallory"), *FIVE[1:]])
    report = verify(anew, head_of(anew), witnesses=heads(anew), noted=heads(FIVE)[2])
    assert (report.first_bad, "written anew" in report.reason) == (3, True)


def test_a_noted_head_beyond_the_end_is_missed() -> None:
    assert "was noted" in verify(FIVE, head_of(FIVE), noted=Head(seq=9, hash="a" * 64)).reason


def test_what_cannot_be_hashed_was_never_written() -> None:
    broken = replace(FIVE[0], data={"auc": float("nan")})
    assert verify([broken, *FIVE[1:]], head_of(FIVE)).first_bad == 1


def test_the_hash_is_that_of_the_entry_as_canonical_json() -> None:
    change = Change(kind=EventKind.MODEL_CREATED, model="flights", data={"b": 1, "a": "é"})
    text = (
        '{"action":"model.created","actor":"ana","at":1.5,"data":{"a":"é","b":1},"model":"flights",'
        f'"previous":"{"0" * 64}","seq":1,"version":""}}'
    )
    assert linked(change, START, at=1.5, actor="ana").hash == hashlib.sha256(text.encode()).hexdigest()
