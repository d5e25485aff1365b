"""Key pairs: who may read them, and what is said of one that cannot be used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from cmcore.errors import NotFoundError, UsageError
from cmcore.provenance.signing.keys import CURVES, generate, is_encrypted, private_key, public_key, public_pem
from cmcore.registry.policy import fingerprint
from tests.unit.provenance.signing.pair import PASSWORD, Pair


def written(folder: Path, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> Path:
    """A private key, not encrypted, in a file."""
    file = folder / "key"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return file


def test_a_private_key_is_for_its_owner_only(pair: Pair) -> None:
    assert pair.file.stat().st_mode & 0o777 == 0o600


def test_a_private_key_is_encrypted_with_its_password(pair: Pair) -> None:
    assert (is_encrypted(pair.file), PASSWORD.encode() in pair.file.read_bytes()) == (True, False)


def test_the_fingerprint_is_that_which_policies_compare(pair: Pair) -> None:
    assert pair.signer == fingerprint(pair.public)


@pytest.mark.parametrize("curve", CURVES)
def test_every_curve_makes_a_pair_that_belongs_together(tmp_path: Path, curve: str) -> None:
    signer = generate(tmp_path / "key", password="", curve=curve)
    key = private_key(tmp_path / "key", password="")
    assert fingerprint(public_pem(key.public_key())) == signer


@pytest.mark.parametrize("taken", ["key", "key.pub"])
def test_a_key_is_never_overwritten(tmp_path: Path, taken: str) -> None:
    (tmp_path / taken).write_text("mine")
    with pytest.raises(UsageError, match="exists already"):
        generate(tmp_path / "key", password="")
    assert [file.name for file in tmp_path.iterdir()] == [taken]


def test_a_link_in_the_way_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="exists already"):
        generate(tmp_path / "key", password="")
    assert not (tmp_path / "elsewhere").exists()


def test_an_unknown_curve_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no curve 'P-1'; choose one of P-256"):
        generate(tmp_path / "key", password="", curve="P-1")


def test_a_wrong_password_is_told(pair: Pair) -> None:
    with pytest.raises(UsageError, match="wrong password, or no PEM file"):
        private_key(pair.file, password="wrong")


def test_a_missing_password_is_told(pair: Pair) -> None:
    with pytest.raises(UsageError, match="needs its password"):
        private_key(pair.file, password="")


def test_a_password_too_many_is_told(tmp_path: Path) -> None:
    generate(tmp_path / "key", password="")
    with pytest.raises(UsageError, match="has no password, and one was given"):
        private_key(tmp_path / "key", password="x")


def test_a_key_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="make one: cm sign keygen FILE"):
        private_key(tmp_path / "key", password="")


@pytest.mark.parametrize("key", [ec.generate_private_key(ec.SECP256K1()), rsa.generate_private_key(65537, 2048)])
def test_a_key_of_another_kind_is_refused(tmp_path: Path, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> None:
    with pytest.raises(UsageError, match="is not one on P-256, P-384, P-521"):
        private_key(written(tmp_path, key), password="")


def test_a_public_key_of_another_kind_is_refused() -> None:
    key = rsa.generate_private_key(65537, 2048).public_key()
    with pytest.raises(UsageError, match="is no elliptic curve key"):
        public_key(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())


def test_without_the_extra_it_is_said_how_to_get_it() -> None:
    code = (
        "import sys; sys.modules['cryptography'] = None\n"
        "from pathlib import Path; from cmcore.provenance.signing.keys import generate\n"
        "from cmcore.errors import ConfigError\n"
        "try: generate(Path('/nowhere/key'), password='')\n"
        "except ConfigError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Try: pip install 'cmcore[signing]'" in done.stdout


def test_importing_the_modules_loads_no_library_for_signing() -> None:
    code = (
        "import sys, cmcore.provenance.signing.version, cmcore.cli.commands.sign\n"
        "print([it for it in ('cryptography', 'model_signing', 'securesystemslib', 'sigstore') if it in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
