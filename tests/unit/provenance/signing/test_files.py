"""Signatures over files: every change of a folder is found, and nothing can be left out of a signature."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from model_signing import hashing, signing, verifying

from cmcore.errors import StorageError, UsageError
from cmcore.provenance.signing.files import sign_folder, signed_files, verify_folder
from cmcore.provenance.signing.keys import private_key
from tests.unit.provenance.signing.pair import FILES, PASSWORD, Pair


@pytest.fixture
def bundle(folder: Path, pair: Pair) -> bytes:
    return sign_folder(folder, pair.file, password=PASSWORD)[0]


def swap(folder: Path) -> None:
    one, other = folder / "a.onnx", folder / "sub/b.txt"
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)


def link(folder: Path) -> None:
    (folder / "a.onnx").rename(folder.parent / "a.onnx")
    (folder / "a.onnx").symlink_to(folder.parent / "a.onnx")


def add(name: str) -> Callable[[Path], object]:
    def write(folder: Path) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"evil")

    return write


CHANGES: dict[str, Callable[[Path], object]] = {
    "changed": lambda folder: (folder / "a.onnx").write_bytes(b"weightz"),
    "removed": lambda folder: (folder / "a.onnx").unlink(),
    "renamed": lambda folder: (folder / "a.onnx").rename(folder / "b.onnx"),
    "moved": lambda folder: (folder / "a.onnx").rename(folder / "sub/a.onnx"),
    "swapped": swap,
    "emptied": lambda folder: (folder / "a.onnx").write_bytes(b""),
    "replaced by a link to the same bytes": link,
    "a link added": lambda folder: (folder / "passwd").symlink_to("/etc/passwd"),
    "a linked folder added": lambda folder: (folder / "etc").symlink_to("/etc"),
    "a pipe added": lambda folder: os.mkfifo(folder / "pipe"),
    **{
        f"{name} added": add(name)
        for name in ("c.pkl", ".hidden", ".gitattributes", ".gitignore", ".git/config", ".github/x.pkl", "sub/.git/x")
    },
}


def test_what_was_signed_and_not_changed_holds(folder: Path, pair: Pair, bundle: bytes) -> None:
    found = verify_folder(folder, bundle, pair.public)
    assert (found.valid, found.signer) == (True, pair.signer)


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_is_found(folder: Path, pair: Pair, bundle: bytes, change: str) -> None:
    CHANGES[change](folder)
    assert not verify_folder(folder, bundle, pair.public).valid


@pytest.mark.parametrize("name", [".gitattributes", ".git/config", ".github/x.pkl"])
def test_the_library_alone_would_not_notice_what_git_would_ignore(
    folder: Path, pair: Pair, tmp_path: Path, name: str
) -> None:
    (tmp_path / "key.pub").write_text(pair.public)
    key = {"private_key": pair.file, "password": PASSWORD.encode()}
    signing.Config().use_elliptic_key_signer(**key).sign(folder, tmp_path / "bundle")
    add(name)(folder)
    verifying.Config().use_elliptic_key_verifier(public_key=tmp_path / "key.pub").verify(folder, tmp_path / "bundle")


def test_the_folder_may_lie_elsewhere(folder: Path, pair: Pair, bundle: bytes) -> None:
    folder.rename(folder.with_name("moved"))
    assert verify_folder(folder.with_name("moved"), bundle, pair.public).valid


def test_another_key_did_not_sign_it(folder: Path, other_pair: Pair, bundle: bytes) -> None:
    assert not verify_folder(folder, bundle, other_pair.public).valid


def test_another_key_did_not_sign_it_though_the_bundle_says_so(
    folder: Path, pair: Pair, other_pair: Pair, bundle: bytes
) -> None:
    theirs = json.loads(sign_folder(folder, other_pair.file, password=PASSWORD)[0])
    document = json.loads(bundle) | {"verificationMaterial": theirs["verificationMaterial"]}
    assert not verify_folder(folder, json.dumps(document).encode(), other_pair.public).valid


def test_a_signature_that_leaves_files_out_is_none(folder: Path, pair: Pair, tmp_path: Path) -> None:
    key = {"private_key": pair.file, "password": PASSWORD.encode()}
    config = hashing.Config().set_ignored_paths(paths=["a.onnx"], ignore_git_paths=False)
    signing.Config().set_hashing_config(config).use_elliptic_key_signer(**key).sign(folder, tmp_path / "bundle")
    found = verify_folder(folder, (tmp_path / "bundle").read_bytes(), pair.public)
    assert (found.valid, found.reason) == (False, "it leaves out a.onnx")


def resigned(bundle: bytes, pair: Pair, change: Callable[[dict[str, dict[str, object]]], object]) -> bytes:
    """The bundle with its statement changed and signed again by the same key."""
    document = json.loads(bundle)
    statement = json.loads(base64.b64decode(document["dsseEnvelope"]["payload"]))
    change(statement)
    payload = json.dumps(statement).encode()
    kind = document["dsseEnvelope"]["payloadType"]
    signed = b"DSSEv1 %d %b %d %b" % (len(kind), kind.encode(), len(payload), payload)
    signature = private_key(pair.file, password=PASSWORD).sign(signed, ec.ECDSA(hashes.SHA256()))
    document["dsseEnvelope"]["payload"] = base64.b64encode(payload).decode()
    document["dsseEnvelope"]["signatures"][0]["sig"] = base64.b64encode(signature).decode()
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    "change",
    [
        lambda it: it["predicate"]["serialization"].update(allow_symlinks=True),
        lambda it: it["predicate"]["serialization"].update(method="shards", shard_size=4),
        lambda it: it["predicate"]["serialization"].update(hash_type="blake2"),
        lambda it: it["predicate"]["serialization"].update(ignore_paths=[".git"]),
        lambda it: it.update(predicateType="https://model_signing/Digests/v0.1"),
        lambda it: it.update(_type="https://in-toto.io/Statement/v0.1"),
        lambda it: it["predicate"].update(resources=it["predicate"]["resources"][1:]),
        lambda it: it.pop("predicate"),
    ],
)
def test_a_signature_of_another_manner_is_none(
    folder: Path, pair: Pair, bundle: bytes, change: Callable[[dict[str, dict[str, object]]], object]
) -> None:
    assert not verify_folder(folder, resigned(bundle, pair, change), pair.public).valid


def test_signing_again_by_hand_is_valid_where_nothing_is_changed(folder: Path, pair: Pair, bundle: bytes) -> None:
    assert verify_folder(folder, resigned(bundle, pair, lambda it: it), pair.public).valid


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"null", b"\xff", b'{"dsseEnvelope": []}', b"[" * 100_000])
def test_what_is_no_bundle_is_no_signature(folder: Path, pair: Pair, content: bytes) -> None:
    assert verify_folder(folder, content, pair.public).reason == "it is no signature over a model's files"


@pytest.mark.parametrize("place", ["payload", "signatures"])
def test_a_bundle_that_was_tampered_with_is_no_signature(folder: Path, pair: Pair, bundle: bytes, place: str) -> None:
    document = json.loads(bundle)
    holder, name = {"payload": (document["dsseEnvelope"], "payload"), "signatures": (
        document["dsseEnvelope"]["signatures"][0], "sig")}[place]  # fmt: skip
    content = bytearray(base64.b64decode(holder[name]))
    content[-3] ^= 1
    holder[name] = base64.b64encode(content).decode()
    assert not verify_folder(folder, json.dumps(document).encode(), pair.public).valid


def test_a_bundle_without_a_signature_is_none(folder: Path, pair: Pair, bundle: bytes) -> None:
    document = json.loads(bundle)
    document["dsseEnvelope"]["signatures"] = []
    assert not verify_folder(folder, json.dumps(document).encode(), pair.public).valid


def test_a_bundle_says_which_files_were_signed(bundle: bytes) -> None:
    assert sorted(signed_files(bundle)) == sorted(FILES)


def test_a_folder_with_a_link_cannot_be_signed(folder: Path, pair: Pair) -> None:
    (folder / "passwd").symlink_to("/etc/passwd")
    with pytest.raises(StorageError, match="cannot be signed"):
        sign_folder(folder, pair.file, password=PASSWORD)


def test_a_wrong_password_is_told(folder: Path, pair: Pair) -> None:
    with pytest.raises(UsageError, match="wrong password"):
        sign_folder(folder, pair.file, password="wrong")


def test_the_password_is_not_in_the_bundle(bundle: bytes) -> None:
    assert PASSWORD.encode() not in bundle
