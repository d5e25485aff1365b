"""Signing a version: its files, its provenance, its card; and finding out whether somebody trusted has done so.

What is signed is what was registered: the payload is digested again before, and every file is hashed again after.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from cmcore.errors import StorageError
from cmcore.lineage.record import ArtifactRecord
from cmcore.lineage.store import LineageStore
from cmcore.provenance.origin import Ancestry, ancestry
from cmcore.provenance.signing.attachments import Attachment, Attachments, Kind
from cmcore.provenance.signing.envelope import ENVELOPE_TYPE, read_statement, signed_statement, verified_statement
from cmcore.provenance.signing.files import BUNDLE_TYPE, sign_folder, signed_files, verify_folder
from cmcore.provenance.signing.keys import private_key
from cmcore.provenance.signing.statements import (
    CARD_TYPE,
    PROVENANCE_TYPE,
    Made,
    card_statement,
    objection,
    provenance_statement,
)
from cmcore.registry.gates import Signature
from cmcore.registry.policy import fingerprint
from cmcore.registry.values import ModelVersion
from cmcore.storage.store import PayloadStore
from cmcore.storage.verify import Verdict, VerifyMode

STATEMENTS = {Kind.PROVENANCE: PROVENANCE_TYPE, Kind.CARD: CARD_TYPE}
UNSIGNED = Signature(valid=False, reason="nobody has signed it: cm sign MODEL@REF --key FILE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A private key's file and its password, empty if it has none."""

    file: Path
    password: str = ""


def sealed(payloads: PayloadStore, uri: str, digest: str, *, imported: bool = False) -> tuple[Path, dict[str, str]]:
    """The folder of a payload and the SHA-256 of its files by path; StorageError where they are not what was sealed."""
    verdict = Verdict(ok=True, reason="") if imported else payloads.verify(uri, digest, VerifyMode.DIGEST)
    manifest = payloads.fingerprint(uri) if imported else payloads.manifest(uri)
    if not verdict.ok or manifest.digest != digest:
        reason = verdict.reason or f"its digest is {manifest.digest} now"
        raise StorageError(f"{uri!r} is not what was registered, and is not signed: {reason}")
    folder = payloads.input(uri, digest, imported=imported).path
    return folder, {entry.path: entry.sha256 for entry in manifest.files}


def made_of(version: ModelVersion, files: Mapping[str, str], lineage: LineageStore, *, software: str) -> Made:
    """A version with what the lineage says of its making; nothing, where it was registered from elsewhere."""
    name = version.facts.artifact
    artifact = lineage.artifact(name) if name else None
    if artifact is None:
        unknown = ArtifactRecord(
            name="", type_name=version.facts.type_name, uri=version.facts.uri, digest=version.facts.digest
        )
        return Made(version=version, files=files, ancestry=Ancestry(artifact=unknown), run=None, software=software)
    found = ancestry(lineage, artifact)
    run = lineage.run(found.maker.run) if found.maker else None
    return Made(version=version, files=files, ancestry=found, run=run, software=software)


def sign_version(
    made: Made, folder: Path, key: Key, attachments: Attachments, *, card: Mapping[str, JsonValue] | None = None
) -> str:
    """Sign the files, their provenance and, if it is given, their card, and keep all of it; the signer's fingerprint.

    `folder` must hold what `made.files` says: the caller has digested it. Raises StorageError, UsageError, ConfigError.
    """
    digest = made.version.facts.digest
    bundle, signer = sign_folder(folder, key.file, password=key.password)
    statements = {Kind.PROVENANCE: provenance_statement(made)}
    if card is not None:
        statements[Kind.CARD] = card_statement(made.files, card)
    secret = private_key(key.file, password=key.password)
    attachments.add(
        Attachment(digest=digest, kind=Kind.SIGNATURE, signer=signer, media_type=BUNDLE_TYPE, content=bundle),
        *(
            Attachment(
                digest=digest,
                kind=kind,
                signer=signer,
                media_type=ENVELOPE_TYPE,
                content=signed_statement(said, secret),
            )
            for kind, said in statements.items()
        ),
    )
    return signer


def signature_finding(attachments: Attachments, digest: str, folder: Path, keys: Sequence[str]) -> Signature:
    """Whether one of the keys (PEM texts) signed exactly the files of the folder with the payload of that digest.

    Statements of the same signer must hold too. The first key that holds decides; where none does, the reason is that
    of the newest signature.
    """
    trusted = {fingerprint(key): key for key in keys}
    found = UNSIGNED
    for attachment in attachments.of(digest, Kind.SIGNATURE):
        finding = _finding(attachment, attachments, folder, trusted)
        if finding.valid:
            return finding
        found = finding if found is UNSIGNED else found
    return found


def _finding(attachment: Attachment, attachments: Attachments, folder: Path, trusted: Mapping[str, str]) -> Signature:
    key = trusted.get(attachment.signer)
    if key is None:
        reason = f"it was signed with {attachment.signer}, which is none of the trusted keys"
        return Signature(valid=False, signer=attachment.signer, reason=reason)
    finding = verify_folder(folder, attachment.content, key)
    if not finding.valid:
        return finding
    return statements_hold(attachments, attachment.digest, key, signed_files(attachment.content))


def statements_hold(attachments: Attachments, digest: str, key: str, files: Mapping[str, str]) -> Signature:
    """Whether the newest statement of each kind by this signer is signed and about these files; none is no fault."""
    signer = fingerprint(key)
    for kind, predicate_type in STATEMENTS.items():
        own = [each for each in attachments.of(digest, kind) if each.signer == signer]
        if not own:
            continue
        claim = verified_statement(own[0].content, key)
        reason = claim.signature.reason or objection(claim.statement, files, predicate_type)
        if reason:
            return Signature(valid=False, signer=signer, reason=f"its {kind} statement does not hold: {reason}")
    return Signature(valid=True, signer=signer, reason="every file is as it was signed")


def statement_of(attachments: Attachments, digest: str, kind: Kind) -> Mapping[str, JsonValue]:
    """The newest statement of a kind, believed or not; empty if there is none."""
    return next((read_statement(each.content) for each in attachments.of(digest, kind)), {})
