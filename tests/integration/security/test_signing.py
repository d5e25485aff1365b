"""Signing at the command line: a version is what its signer saw, or it is not signed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from cmcore.provenance.signing.attachments import Attachment, Attachments, Kind
from cmcore.provenance.signing.tables import PROVENANCE_BRANCH
from cmcore.state.database import StateDatabase
from cmcore.state.migration import STATE_BRANCH
from tests.integration.security.arena import Arena, Outcome
from tests.integration.security.conftest import made
from tests.integration.state.conftest import postgres, url

__all__ = ["postgres", "url"]  # fixtures
pytestmark = pytest.mark.integration


@dataclass(frozen=True, kw_only=True)
class Signer:
    """A project with a signed version, and the command line."""

    arena: Arena
    capfd: pytest.CaptureFixture[str]

    def __call__(self, *words: str) -> Outcome:
        return self.arena.at_cli(["sign", *words], self.capfd)

    @property
    def weights(self) -> Path:
        """A file of the model, made writable."""
        file = self.arena.artifacts / self.arena.run / "train" / "1" / "model" / "0" / "weights.txt"
        file.chmod(0o644)
        return file


@pytest.fixture
def sign(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Signer:
    """`words@1.0.0`, signed with `release.key`."""
    arena = made(tmp_path)
    monkeypatch.chdir(arena.project)
    signer = Signer(arena=arena, capfd=capfd)
    assert signer("keygen", "release.key", "--no-password").code == 0
    assert signer("words@1.0.0", "--key", "release.key").code == 0
    return signer


def test_a_signed_version_verifies(sign: Signer) -> None:
    outcome = sign("verify", "words@1.0.0", "--public-key", "release.key.pub", "--json")
    assert (outcome.code, json.loads(outcome.said)["valid"]) == (0, True)


def test_signing_leaves_the_payload_as_it_was(sign: Signer) -> None:
    found = sorted(path.name for path in sign.weights.parent.iterdir())
    assert found == ["MLmodel", "weights.txt"]


def test_signing_without_the_name_of_a_command_takes_options_first(sign: Signer) -> None:
    assert sign("--key", "release.key", "words@1.0.0").code == 0


def test_a_changed_model_does_not_verify(sign: Signer) -> None:
    sign.weights.write_text("evil")
    outcome = sign("verify", "words@1.0.0", "--public-key", "release.key.pub")
    assert (outcome.code, "weights.txt" in outcome.said) == (77, True)


def test_a_changed_model_is_not_signed(sign: Signer) -> None:
    sign.weights.write_text("evil")
    assert sign("words@1.0.0", "--key", "release.key").code == 74


@pytest.mark.parametrize("name", ["evil.pkl", ".gitattributes", ".git/config"])
def test_a_file_that_was_added_does_not_verify(sign: Signer, name: str) -> None:
    added = sign.weights.parent / name
    added.parent.mkdir(exist_ok=True)
    added.write_text("evil")
    assert sign("verify", "words@1.0.0", "--public-key", "release.key.pub").code == 77


def test_another_key_does_not_verify(sign: Signer) -> None:
    sign("keygen", "other.key", "--no-password")
    outcome = sign("verify", "words@1.0.0", "--public-key", "other.key.pub")
    assert (outcome.code, "none of the trusted keys" in outcome.said) == (77, True)


def test_the_statement_can_be_read(sign: Signer) -> None:
    outcome = sign("show", "words@1.0.0")
    assert json.loads(outcome.said)["predicateType"] == "https://slsa.dev/provenance/v1"


def test_the_card_that_was_signed_can_be_read(sign: Signer) -> None:
    outcome = sign("show", "words@1.0.0", "--card")
    assert json.loads(outcome.said)["predicate"]["model_details"]["name"] == "words"


def test_without_keys_it_is_said_how_to_give_them(sign: Signer) -> None:
    outcome = sign("verify", "words@1.0.0")
    assert (outcome.code, "--public-key FILE" in outcome.said) == (64, True)


def test_keys_of_the_policy_are_trusted(sign: Signer) -> None:
    gate = "signed: {keys: [release.key.pub]}"
    policy = f"kind: RegistryPolicy\nmodel: words\nenvironments:\n  qa:\n    gates:\n    - {gate}\n"
    (sign.arena.project / "policy.yaml").write_text(policy)
    applied = sign.arena.at_cli(["policy", "apply", "policy.yaml", "--reason", "test"], sign.capfd)
    assert applied.code == 0, applied.said
    assert sign("verify", "words@1.0.0").code == 0


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("words@9.9.9", "--key", "release.key"), 66),
        (("words@1.0.0", "--key", "nothing.key"), 66),
        (("words@1.0.0", "--key", "release.key.pub"), 64),
        (("words@1.0.0",), 64),
        (("keygen", "release.key", "--no-password"), 64),
        (("verify", "words@1.0.0", "--public-key", "cm.yaml"), 64),
        (("verify", "words@1.0.0", "--public-key", "release.key"), 64),
        (("show", "words@9.9.9"), 66),
    ],
)
def test_what_cannot_be_is_told(sign: Signer, words: tuple[str, ...], code: int) -> None:
    outcome = sign(*words)
    assert (outcome.code, "Traceback" in outcome.said) == (code, False)


@pytest.fixture
def database(url: str) -> Iterator[StateDatabase]:
    opened = StateDatabase.open(url, branches=[STATE_BRANCH, PROVENANCE_BRANCH])
    yield opened
    opened.close()


def test_attachments_come_back_from_every_database(database: StateDatabase) -> None:
    attachments = Attachments(database, actor="ada", clock=lambda: 7.0)
    one = Attachment(
        digest="sha256:1", kind=Kind.SIGNATURE, signer="s", media_type="text/plain", content=b"\0\xff", actor="ada",
        created_at=7.0,
    )  # fmt: skip
    attachments.add(one, one, replace(one, content=b"two"))
    assert attachments.of("sha256:1", Kind.SIGNATURE) == [replace(one, content=b"two"), one]
