"""B20: secrets in settings, links and keys come out nowhere: not in what is said, not in what is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmcore.cli.main import run
from tests.integration.security.arena import Arena

pytestmark = pytest.mark.integration

SECRET = "s3cr3t-cafe-babe"
SETTINGS = {
    "state database": f"name: x\nstack:\n  state: postgresql://cm:{SECRET}@127.0.0.1:1/x\n",
    "object store": f"name: x\nstack:\n  artifacts:\n    root: s3://b/p\n    options: {{key: a, secret: {SECRET}}}\n",
}
COMMANDS = [
    ["runs"], ["models"], ["search"], ["data", "list"], ["audit", "verify"], ["pin", "--list"], ["tracking", "status"],
    ["config", "explain"], ["config", "explain", "--json"], ["config", "explain", "stack.state"],
    ["config", "explain", "stack.artifacts.options"], ["scan", "words@1.0.0"], ["sign", "verify", "words@1.0.0"],
    ["--debug", "models"],
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("settings", SETTINGS)
def test_a_password_in_the_settings_is_never_told(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], settings: str, command: list[str]
) -> None:
    (tmp_path / "cm.yaml").write_text(SETTINGS[settings])
    run(["--project", str(tmp_path), *command])
    said = capfd.readouterr()
    assert SECRET not in said.out + said.err
    assert [
        file for file in (tmp_path / ".cm").rglob("*") if file.is_file() and SECRET.encode() in file.read_bytes()
    ] == []


@pytest.mark.parametrize("url", [f"https://ada:{SECRET}@example.org/", f"https://{SECRET}@example.org/"])
def test_a_link_with_a_password_is_refused_and_not_told(
    arena: Arena, capfd: pytest.CaptureFixture[str], url: str
) -> None:
    outcome = arena.at_cli(["describe", "words@1.0.0", "--link", f"home={url}"], capfd)
    arena.assert_refused(outcome)
    assert SECRET not in outcome.said


def test_the_password_of_a_key_is_in_nothing_that_signing_leaves(
    arena: Arena, capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CM_SECRET_RELEASE", SECRET)
    key = str(tmp_path / "key")
    said = ""
    for words in (["keygen", key], ["words@1.0.0", "--key", key], ["show", "words@1.0.0"]):
        outcome = arena.at_cli(
            ["sign", *words, *(["--password-secret", "release"] if "show" not in words else [])], capfd
        )
        assert outcome.code == 0, outcome.said
        said += outcome.said
    private = b"".join(line for line in Path(key).read_bytes().splitlines() if b"-----" not in line)[:60]
    files = [file for file in (arena.project / ".cm").rglob("*") if file.is_file() and file.name != "CANARY.txt"]
    kept = b"".join(file.read_bytes() for file in files)
    assert [SECRET in said, SECRET.encode() in kept, private in kept] == [False, False, False]


@pytest.mark.parametrize("private", ["-----BEGIN PRIVATE KEY-----\nMIGHAgEA\n-----END PRIVATE KEY-----\n"])
def test_a_private_key_in_a_policy_is_refused_and_not_told(
    arena: Arena, capfd: pytest.CaptureFixture[str], tmp_path: Path, private: str
) -> None:
    (tmp_path / "release.key").write_text(private)
    (tmp_path / "policy.yaml").write_text(
        "kind: RegistryPolicy\nenvironments:\n  qa:\n    gates:\n    - signed: {keys: [release.key]}\n"
    )
    outcome = arena.at_cli(["policy", "apply", str(tmp_path / "policy.yaml")], capfd)
    arena.assert_refused(outcome, [65])
    assert "MIGHAgEA" not in outcome.said
