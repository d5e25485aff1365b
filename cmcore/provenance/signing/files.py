"""Signatures over the files of a model, by `model-signing` with keys, offline: a Sigstore bundle with a hash per file.

Its defaults leave `.git`, `.github` and `.gitattributes` out of a signature, and whoever signs may leave out more; here
every file counts, and a signature that leaves one out is none.
"""

from __future__ import annotations

import base64
import json
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cmcore.errors import StorageError
from cmcore.provenance.signing.keys import private_key, public_pem, signing_extra
from cmcore.registry.gates import Signature
from cmcore.registry.policy import fingerprint

if TYPE_CHECKING:
    from model_signing.hashing import Config

BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
PREDICATE_TYPE = "https://model_signing/signature/v1.0"
SERIALIZATION: Mapping[str, object] = {"method": "files", "hash_type": "sha256", "allow_symlinks": False}


def sign_folder(folder: Path, key_file: Path, *, password: str) -> tuple[bytes, str]:
    """The bundle that signs every file of a folder, and the signer's fingerprint; raises StorageError, UsageError."""
    key = private_key(key_file, password=password)  # says what is wrong with it, which the library does not
    with signing_extra():
        from model_signing import signing
    with tempfile.TemporaryDirectory() as scratch:
        bundle = Path(scratch) / "bundle.json"
        config = signing.Config().set_hashing_config(_every_file())  # type: ignore[no-untyped-call] # half typed
        secret = password.encode() or None  # it asks for text, and hands it on to what wants bytes
        try:
            signer = config.use_elliptic_key_signer(private_key=key_file, password=secret)  # type: ignore[arg-type] # see above
            signer.sign(folder, bundle)
        except (ValueError, OSError) as error:
            raise StorageError(f"{str(folder)!r} cannot be signed: {error}") from error
        return bundle.read_bytes(), fingerprint(public_pem(key.public_key()))


def verify_folder(folder: Path, bundle: bytes, public: str) -> Signature:
    """Whether a bundle signs exactly the files of a folder with the key of this public PEM text; never raises for what
    is in the bundle or the folder."""
    signer = fingerprint(public)
    if reason := _objection(bundle):
        return Signature(valid=False, signer=signer, reason=reason)
    with signing_extra():
        from model_signing import verifying
    with tempfile.TemporaryDirectory() as scratch:
        bundle_file, key_file = Path(scratch) / "bundle.json", Path(scratch) / "key.pub"
        bundle_file.write_bytes(bundle)
        key_file.write_text(public, encoding="ascii")
        try:
            config = verifying.Config().set_hashing_config(_every_file())  # type: ignore[no-untyped-call] # half typed
            config.use_elliptic_key_verifier(public_key=key_file).verify(folder, bundle_file)
        except Exception as error:  # noqa: BLE001 # whatever a hostile bundle makes the library raise, it is no signature
            return Signature(valid=False, signer=signer, reason=_told(error))
    return Signature(valid=True, signer=signer, reason="every file is as it was signed")


def signed_files(bundle: bytes) -> dict[str, str]:
    """The SHA-256 of every file by its path, as a bundle that was verified says."""
    statement = json.loads(base64.b64decode(json.loads(bundle)["dsseEnvelope"]["payload"]))
    return {each["name"]: each["digest"] for each in statement["predicate"]["resources"]}


def _every_file() -> Config:
    from model_signing import hashing

    config = hashing.Config()  # type: ignore[no-untyped-call] # half typed
    return config.use_file_serialization().set_ignored_paths(paths=[], ignore_git_paths=False)


def _objection(bundle: bytes) -> str:
    """Why a bundle is no signature of ours whatever its key says; empty if it may be one."""
    try:
        document = json.loads(bundle)
        statement = json.loads(base64.b64decode(document["dsseEnvelope"]["payload"]))
        serialization = statement["predicate"]["serialization"]
        count = len(document["dsseEnvelope"]["signatures"])
        hint, kind = document["verificationMaterial"]["publicKey"]["hint"], statement["predicateType"]
        ignored = serialization.get("ignore_paths")
        method = {name: serialization.get(name) for name in SERIALIZATION}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return "it is no signature over a model's files"
    if kind != PREDICATE_TYPE or method != SERIALIZATION or count != 1 or not hint:
        return f"it is signed in another way ({kind!r}, {method})"
    return f"it leaves out {', '.join(map(str, ignored))}" if ignored else ""


def _told(error: Exception) -> str:
    """The library's words in ours: it lists its differences as a list of Python texts."""
    text = " ".join(str(error).split())
    differences = [
        *(f"{name} was changed" for name in re.findall(r"Hash mismatch for ('[^']*')", text)),
        *(f"{names} came later" for names in re.findall(r"Extra files found in model '[^']*': ([^\]\"]*)", text)),
        *(f"{names} is missing" for names in re.findall(r"Missing files in model '[^']*': ([^\]\"]*)", text)),
    ]
    return "; ".join(differences)[:500] or text[:500] or f"the key did not sign it ({type(error).__name__})"
