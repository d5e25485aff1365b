"""Envelopes: a statement is believed as its signer wrote it, or not at all."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from cmcore.provenance.signing.envelope import read_statement, signed_statement, verified_statement
from cmcore.provenance.signing.keys import private_key
from tests.unit.provenance.signing.pair import PASSWORD, Pair

STATEMENT = {"_type": "https://in-toto.io/Statement/v1", "subject": [], "predicate": {"ä": 1.5}}


@pytest.fixture
def envelope(pair: Pair) -> bytes:
    return signed_statement(STATEMENT, private_key(pair.file, password=PASSWORD))


def test_a_signed_statement_comes_back(pair: Pair, envelope: bytes) -> None:
    claim = verified_statement(envelope, pair.public)
    assert (claim.statement, claim.signature.valid, claim.signature.signer) == (STATEMENT, True, pair.signer)


def test_another_key_did_not_sign_it(other_pair: Pair, envelope: bytes) -> None:
    claim = verified_statement(envelope, other_pair.public)
    assert (claim.statement, claim.signature.valid) == ({}, False)


def test_another_key_did_not_sign_it_though_the_envelope_says_so(other_pair: Pair, envelope: bytes) -> None:
    document = json.loads(envelope)
    document["signatures"][0]["keyid"] = other_pair.signer
    assert not verified_statement(json.dumps(document).encode(), other_pair.public).signature.valid


def other_payload(document: dict[str, Any]) -> object:
    return document.update(payload=base64.b64encode(b'{"_type": "other"}').decode())


@pytest.mark.parametrize(
    "change",
    [
        other_payload,
        lambda document: document.update(payloadType="text/plain"),
        lambda document: document.update(signatures=[]),
        lambda document: document["signatures"].append(dict(document["signatures"][0])),
        lambda document: document["signatures"][0].update(sig="AAAA"),
        lambda document: document.pop("payload"),
    ],
)
def test_a_changed_envelope_is_not_believed(
    pair: Pair, envelope: bytes, change: Callable[[dict[str, Any]], object]
) -> None:
    document = json.loads(envelope)
    change(document)
    assert not verified_statement(json.dumps(document).encode(), pair.public).signature.valid


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b"null", b"[" * 100_000])
def test_what_is_no_envelope_is_not_believed(pair: Pair, content: bytes) -> None:
    assert not verified_statement(content, pair.public).signature.valid


def test_a_statement_can_be_read_without_believing_it(envelope: bytes) -> None:
    assert read_statement(envelope) == STATEMENT


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"null", b'{"payload": 3}', b'{"payload": "W10="}'])
def test_what_is_no_envelope_reads_as_nothing(content: bytes) -> None:
    assert read_statement(content) == {}
