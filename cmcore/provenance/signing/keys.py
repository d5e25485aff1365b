"""Keys for signing: elliptic curve pairs as PEM files, the private one for its owner's eyes only.

Who is trusted is said elsewhere, by fingerprints of public keys (`cmcore.registry.policy.fingerprint`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cmcore.errors import ConfigError, NotFoundError, UsageError
from cmcore.registry.policy import fingerprint

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey

CURVES = ("P-256", "P-384", "P-521")
KEY_FILE_MAX = 20_000


@contextmanager
def signing_extra() -> Iterator[None]:
    """Say how to get what signing needs, where it is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"signing needs {error.name!r}, which is not installed. Try: pip install 'cmcore[signing]'"
        ) from error


def generate(file: Path, *, password: str, curve: str = "P-256") -> str:
    """Make a pair, `file` and `file.pub`, and return its fingerprint; neither may exist yet.

    The private key is encrypted unless the password is empty, and readable by its owner only.
    """
    with signing_extra():
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.serialization import (
            BestAvailableEncryption,
            Encoding,
            NoEncryption,
            PrivateFormat,
        )
    curves: dict[str, ec.EllipticCurve] = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
    if curve not in curves:
        raise UsageError(f"no curve {curve!r}; choose one of {', '.join(CURVES)}")
    public_file = file.with_name(file.name + ".pub")
    if public_file.exists():
        raise UsageError(f"{str(public_file)!r} exists already; choose another name")
    key = ec.generate_private_key(curves[curve])
    encryption = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    _write(file, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption), mode=0o600)
    public = public_pem(key.public_key())
    _write(public_file, public.encode(), mode=0o644)
    return fingerprint(public)


def _write(file: Path, content: bytes, *, mode: int) -> None:
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    except FileExistsError as error:
        raise UsageError(f"{str(file)!r} exists already; a key is never overwritten, choose another name") from error
    except OSError as error:
        raise ConfigError(f"the key {str(file)!r} cannot be written: {error.strerror}") from error
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)


def private_key(file: Path, *, password: str) -> EllipticCurvePrivateKey:
    """The private key in a file; raises UsageError where it cannot be used."""
    with signing_extra():
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    try:
        key = load_pem_private_key(key_bytes(file), password.encode() or None)
    except TypeError as error:
        needed = "needs its password" if not password else "has no password, and one was given"
        raise UsageError(f"the private key {str(file)!r} {needed}") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UsageError(f"the private key {str(file)!r} cannot be read: wrong password, or no PEM file") from error
    if not isinstance(key, EllipticCurvePrivateKey) or key.curve.name not in ("secp256r1", "secp384r1", "secp521r1"):
        raise UsageError(f"the key {str(file)!r} is not one on {', '.join(CURVES)}; make one: cm sign keygen FILE")
    return key


def public_key(text: str) -> EllipticCurvePublicKey:
    """The public key in a PEM text; raises UsageError where it cannot be used."""
    with signing_extra():
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key
    try:
        key = load_pem_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UsageError(f"{fingerprint(text)} cannot be read as a public key") from error
    if not isinstance(key, EllipticCurvePublicKey):
        raise UsageError(f"{fingerprint(text)} is no elliptic curve key; make one: cm sign keygen FILE")
    return key


def public_pem(key: EllipticCurvePublicKey) -> str:
    """The key as a PEM text."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def key_bytes(file: Path) -> bytes:
    """What a key's file holds; raises NotFoundError, UsageError."""
    try:
        with file.open("rb") as stream:
            content = stream.read(KEY_FILE_MAX + 1)
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no key {str(file)!r}; make one: cm sign keygen FILE") from error
    except OSError as error:
        raise UsageError(f"the key {str(file)!r} cannot be read: {error.strerror}") from error
    if len(content) > KEY_FILE_MAX:
        raise UsageError(f"{str(file)!r} is too large to be a key")
    return content


def is_encrypted(file: Path) -> bool:
    """Whether a private key's file needs a password; raises NotFoundError, UsageError."""
    content = key_bytes(file)
    return b"-----BEGIN ENCRYPTED PRIVATE KEY-----" in content or b"Proc-Type: 4,ENCRYPTED" in content
