"""Signed statements: DSSE envelopes around in-toto statements, by `securesystemslib` with the keys of `keys`."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import JsonValue

from cmcore.document.write import canonical
from cmcore.provenance.signing.keys import public_key, public_pem, signing_extra
from cmcore.registry.gates import Signature
from cmcore.registry.policy import fingerprint

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

ENVELOPE_TYPE = "application/vnd.dsse.envelope.v1+json"
PAYLOAD_TYPE = "application/vnd.in-toto+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A statement and what its signature came to."""

    statement: Mapping[str, JsonValue]
    signature: Signature


def signed_statement(statement: Mapping[str, JsonValue], key: EllipticCurvePrivateKey) -> bytes:
    """The envelope that holds the statement."""
    with signing_extra():
        from securesystemslib.dsse import Envelope
        from securesystemslib.signer import CryptoSigner, SSlibKey  # type: ignore[attr-defined] # not by the letter
    signer = fingerprint(public_pem(key.public_key()))
    envelope = Envelope(canonical(dict(statement)), PAYLOAD_TYPE, {})
    envelope.sign(CryptoSigner(key, SSlibKey.from_crypto(key.public_key(), keyid=signer)))
    return canonical(envelope.to_dict())


def verified_statement(content: bytes, public: str) -> Claim:
    """The statement of an envelope, and whether the key of this public PEM text signed it; never raises for content."""
    with signing_extra():
        from securesystemslib.dsse import Envelope
        from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined] # likewise
    signer = fingerprint(public)
    statement: Mapping[str, JsonValue] = {}
    try:
        envelope = Envelope.from_dict(json.loads(content))
        envelope.verify([SSlibKey.from_crypto(public_key(public), keyid=signer)], 1)
        statement = json.loads(envelope.payload) if envelope.payload_type == PAYLOAD_TYPE else {}
    except Exception as error:  # noqa: BLE001 # whatever a hostile envelope makes the library raise, it is no signature
        return Claim(statement={}, signature=Signature(valid=False, signer=signer, reason=_told(error)))
    if not isinstance(statement, dict) or not statement:
        return Claim(statement={}, signature=Signature(valid=False, signer=signer, reason="it holds no statement"))
    return Claim(statement=statement, signature=Signature(valid=True, signer=signer))


def read_statement(content: bytes) -> Mapping[str, JsonValue]:
    """The statement of an envelope, whoever signed it; empty where there is none."""
    try:
        statement = json.loads(base64.b64decode(json.loads(content)["payload"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return statement if isinstance(statement, dict) else {}


def _told(error: Exception) -> str:
    return f"the key did not sign it ({' '.join(str(error).split())[:300] or type(error).__name__})"
