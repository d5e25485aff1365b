"""What environments demand of a version that a real run made: safe files, a complete card, a trusted signature."""

from __future__ import annotations

from pathlib import Path
from shutil import copytree

import pytest

from tests.integration.cli.conftest import Shell

pytestmark = pytest.mark.integration
PROJECT = Path(__file__).parent / "project"
POLICY = """
kind: RegistryPolicy
model: rain
environments:
  scanned: {gates: [{scan: safe}]}
  carded: {gates: [{card: complete}]}
  signed: {gates: [{signed: {keys: [release.key.pub]}}]}
"""
SAID = (
    "owner=Weather desk", "description=Whether it rains", "intended_use=Picnics", "limitations=Not for storms",
    "training_data=Two thousand invented days",
)  # fmt: skip


@pytest.fixture(scope="module")
def cm(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A project with one registered version and a policy; each test has an environment of its own."""
    shell = Shell(folder=copytree(PROJECT, tmp_path_factory.mktemp("demands") / "project"))
    (shell.folder / "policy.yaml").write_text(POLICY)
    for words in (
        ("run", "rain.py:registered"),
        ("sign", "keygen", "release.key", "--no-password"),
        ("sign", "keygen", "other.key", "--no-password"),
        ("policy", "apply", "policy.yaml", "--reason", "for these tests"),
    ):
        done = shell(*words)
        assert done.returncode == 0, done.stderr
    return shell


def promoted(shell: Shell, environment: str) -> tuple[int, str]:
    """What became of a promotion: its exit code and what was said."""
    done = shell("promote", "rain@1.0.0", "--to", environment)
    return done.returncode, done.stdout + done.stderr


def test_safe_files_are_promoted(cm: Shell) -> None:
    assert promoted(cm, "scanned")[0] == 0


def test_a_card_must_be_complete(cm: Shell) -> None:
    before = promoted(cm, "carded")
    cm("describe", "rain", *SAID)
    after = promoted(cm, "carded")
    assert (before[0], "owner, description, intended_use" in before[1], after) == (
        77, True, (0, "rain@1.0.0 is now carded's\n"),
    )  # fmt: skip


def test_a_trusted_key_must_have_signed_it(cm: Shell) -> None:
    unsigned = promoted(cm, "signed")
    cm("sign", "rain@1.0.0", "--key", "other.key")
    by_another = promoted(cm, "signed")
    cm("sign", "rain@1.0.0", "--key", "release.key")
    by_release = promoted(cm, "signed")
    assert (unsigned[0], "nobody has signed it" in unsigned[1]) == (77, True)
    assert (by_another[0], "none of the trusted keys" in by_another[1], by_release[0]) == (77, True, 0)
