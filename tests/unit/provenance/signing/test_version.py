"""A version is signed by a trusted key, or it is not: whatever lies among the attachments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from cmcore.address import Address
from cmcore.errors import StorageError
from cmcore.provenance.signing.attachments import Attachment, Attachments, Kind
from cmcore.provenance.signing.envelope import ENVELOPE_TYPE, signed_statement
from cmcore.provenance.signing.keys import private_key
from cmcore.provenance.signing.statements import CARD_TYPE, PROVENANCE_TYPE, Made, statement
from cmcore.provenance.signing.version import Key, sealed, sign_version, signature_finding, statement_of
from cmcore.storage.store import PayloadStore
from tests.unit.provenance.signing.pair import FILES, PASSWORD, Pair

DIGESTS = {name: sha256(content).hexdigest() for name, content in FILES.items()}


@pytest.fixture
def whole(made: Made) -> Made:
    """How the folder's model was made."""
    return replace(made, files=DIGESTS)


@pytest.fixture
def signed(whole: Made, folder: Path, pair: Pair, attachments: Attachments) -> Attachments:
    """Attachments with the folder signed."""
    key = Key(file=pair.file, password=PASSWORD)
    sign_version(whole, folder, key, attachments, card={"limitations": "none"})
    return attachments


def claim(pair: Pair, kind: Kind, files: Mapping[str, str], predicate_type: str) -> Attachment:
    """A statement of somebody about some files."""
    said = statement(files, predicate_type, {})
    content = signed_statement(said, private_key(pair.file, password=PASSWORD))
    return Attachment(
        digest="sha256:" + "5" * 64, kind=kind, signer=pair.signer, media_type=ENVELOPE_TYPE, content=content
    )


def test_a_trusted_key_signed_it(signed: Attachments, made: Made, folder: Path, pair: Pair) -> None:
    found = signature_finding(signed, made.version.facts.digest, folder, [pair.public])
    assert (found.valid, found.signer) == (True, pair.signer)


def test_one_trusted_key_of_several_is_enough(
    signed: Attachments, made: Made, folder: Path, pair: Pair, other_pair: Pair
) -> None:
    assert signature_finding(signed, made.version.facts.digest, folder, [other_pair.public, pair.public]).valid


def test_nobody_signed_it(attachments: Attachments, made: Made, folder: Path, pair: Pair) -> None:
    found = signature_finding(attachments, made.version.facts.digest, folder, [pair.public])
    assert (found.valid, found.reason) == (False, "nobody has signed it: cm sign MODEL@REF --key FILE")


def test_nobody_who_is_trusted_signed_it(
    signed: Attachments, made: Made, folder: Path, pair: Pair, other_pair: Pair
) -> None:
    found = signature_finding(signed, made.version.facts.digest, folder, [other_pair.public])
    assert (found.valid, found.reason) == (
        False,
        f"it was signed with {pair.signer}, which is none of the trusted keys",
    )


def test_a_trusted_signature_counts_whatever_others_added_after(
    signed: Attachments, whole: Made, folder: Path, pair: Pair, other_pair: Pair
) -> None:
    sign_version(whole, folder, Key(file=other_pair.file, password=PASSWORD), signed)
    assert signature_finding(signed, whole.version.facts.digest, folder, [pair.public]).valid


def test_a_signature_under_anothers_name_does_not_hold(
    attachments: Attachments, whole: Made, folder: Path, pair: Pair, other_pair: Pair
) -> None:
    digest = whole.version.facts.digest
    sign_version(whole, folder, Key(file=other_pair.file, password=PASSWORD), attachments)
    (theirs,) = attachments.of(digest, Kind.SIGNATURE)
    attachments.add(replace(theirs, digest="sha256:forged", signer=pair.signer))
    assert not signature_finding(attachments, "sha256:forged", folder, [pair.public]).valid


def test_a_signature_of_another_model_does_not_hold(signed: Attachments, made: Made, folder: Path, pair: Pair) -> None:
    (folder / "a.onnx").write_bytes(b"another model")
    assert not signature_finding(signed, made.version.facts.digest, folder, [pair.public]).valid


def test_a_statement_about_other_files_undoes_the_signature(
    signed: Attachments, made: Made, folder: Path, pair: Pair
) -> None:
    signed.add(claim(pair, Kind.PROVENANCE, {**DIGESTS, "a.onnx": "0" * 64}, PROVENANCE_TYPE))
    found = signature_finding(signed, made.version.facts.digest, folder, [pair.public])
    assert found.reason == "its provenance statement does not hold: it is about other files: 'a.onnx'"


def test_a_statement_of_another_kind_undoes_the_signature(
    signed: Attachments, made: Made, folder: Path, pair: Pair
) -> None:
    signed.add(claim(pair, Kind.PROVENANCE, DIGESTS, CARD_TYPE))
    assert not signature_finding(signed, made.version.facts.digest, folder, [pair.public]).valid


def test_a_forged_statement_undoes_the_signature(
    signed: Attachments, made: Made, folder: Path, pair: Pair, other_pair: Pair
) -> None:
    signed.add(replace(claim(other_pair, Kind.PROVENANCE, DIGESTS, PROVENANCE_TYPE), signer=pair.signer))
    found = signature_finding(signed, made.version.facts.digest, folder, [pair.public])
    assert found.reason.startswith("its provenance statement does not hold: the key did not sign it")


def test_statements_of_others_are_passed_over(
    signed: Attachments, made: Made, folder: Path, pair: Pair, other_pair: Pair
) -> None:
    signed.add(claim(other_pair, Kind.PROVENANCE, {"x": "0" * 64}, PROVENANCE_TYPE))
    assert signature_finding(signed, made.version.facts.digest, folder, [pair.public]).valid


def test_the_newest_statement_can_be_shown(signed: Attachments, made: Made) -> None:
    assert statement_of(signed, made.version.facts.digest, Kind.CARD)["predicate"] == {"limitations": "none"}


def test_where_nothing_was_signed_nothing_is_shown(attachments: Attachments) -> None:
    assert statement_of(attachments, "sha256:none", Kind.PROVENANCE) == {}


@pytest.fixture
def payloads(tmp_path: Path) -> PayloadStore:
    return PayloadStore(str(tmp_path / "artifacts"))


def test_a_sealed_payload_gives_its_folder_and_files(payloads: PayloadStore) -> None:
    output = payloads.output(Address(run="r", node="n"), "model")
    output.open("a.onnx", "wb").close()
    folder, files = sealed(payloads, output.uri, output.seal().digest)
    assert (folder, files) == (output.path, {"a.onnx": sha256(b"").hexdigest()})


def test_a_payload_that_was_changed_is_not_signed(payloads: PayloadStore) -> None:
    output = payloads.output(Address(run="r", node="n"), "model")
    output.open("a.onnx", "wb").close()
    digest = output.seal().digest
    (output.path / "a.onnx").chmod(0o644)
    (output.path / "a.onnx").write_bytes(b"evil")
    with pytest.raises(StorageError, match="is not what was registered, and is not signed"):
        sealed(payloads, output.uri, digest)
