"""A policy's file and the keys beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmcore.errors import DocumentError
from cmcore.registry.policy_file import load_policy
from tests.unit.registry.samples import KEY

POLICY = """\
environments:
  production:
    gates:
      - blessed: true
      - signed: {keys: [release.pem]}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "policy.yaml"
    file.write_text(POLICY)
    return file


def test_a_key_is_read_from_beside_the_policy(file: Path) -> None:
    file.with_name("release.pem").write_text(KEY)
    asked = load_policy(file).environment("production").gates[1].signed
    assert asked
    assert asked.keys == (KEY,)


def test_a_key_that_is_not_there_is_told_with_its_place(file: Path) -> None:
    with pytest.raises(
        DocumentError, match=r"policy\.yaml:5:25: the public key 'release\.pem' cannot be read: No such"
    ):
        load_policy(file)


def test_a_private_key_is_refused(file: Path) -> None:
    file.with_name("release.pem").write_text(KEY.replace("PUBLIC", "PRIVATE"))
    with pytest.raises(DocumentError, match="a private key, which must never be handed out"):
        load_policy(file)


def test_a_file_of_bytes_is_no_key(file: Path) -> None:
    file.with_name("release.pem").write_bytes(b"\xff\x00")
    with pytest.raises(DocumentError, match="it is no PEM file"):
        load_policy(file)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"policy\.yaml: cannot be read"):
        load_policy(tmp_path / "policy.yaml")
