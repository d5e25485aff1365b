"""The policy document: what it may say, and what makes it easier to get into a protected environment."""

from __future__ import annotations

from textwrap import dedent

import pytest

from cmcore.document.model import load
from cmcore.document.text import parse
from cmcore.errors import DocumentError, NotFoundError, UsageError
from cmcore.registry.policy import DEFAULT, Policy, fingerprint, weakened
from tests.unit.registry.samples import KEY

WHOLE = """\
kind: RegistryPolicy
model: flights
environments:
  dev: {}
  staging: {gates: [infra_blessed: true]}
  production:
    protected: true
    approvals: {quorum: 2, expires_days: 7, separation_of_duty: true, approvers: [bob, eve, kim]}
    gates:
      - blessed: true
      - scan: safe
      - card: complete
      - where: 'metrics.auc >= 0.9 and metrics."auc.low" >= 0.85'
      - not_worse: {metric: auc, than: current, by: 0.005}
"""


def policy(text: str) -> Policy:
    return load(parse(dedent(text), file="p.yaml"), Policy)


def strict(old: str = "", new: str = "") -> Policy:
    """The whole policy with a piece of its text replaced."""
    assert old in WHOLE
    return policy(WHOLE.replace(old, new) if old else WHOLE)


def test_gates_are_read_in_their_order() -> None:
    names = [gate.name for gate in strict().environment("production").gates]
    assert names == ["blessed", "scan", "card", "where", "not_worse"]


def test_a_policy_is_read_back_from_what_is_kept_of_it() -> None:
    assert Policy.model_validate_json(strict().model_dump_json()) == strict()


@pytest.mark.parametrize(("name", "free"), [("dev", True), ("staging", True), ("production", False)])
def test_without_a_policy_only_production_demands_something(name: str, free: bool) -> None:
    assert DEFAULT.environment(name).is_free is free


def test_an_unknown_environment_is_named_with_those_that_there_are() -> None:
    with pytest.raises(
        NotFoundError,
        match=r"'prod' is no environment here; did you mean 'production'.; there are dev, staging, production",
    ):
        DEFAULT.environment("prod")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kind: RegistryPolicy\nenvironments: {}", "p.yaml:2:15"),
        ("environments: {Production: {}}", "p.yaml:1:16: 'Production' cannot be an alias"),
        ("environments: {latest: {}}", "p.yaml:1:16: 'latest' cannot be an alias"),
        ("model: ../x\nenvironments: {dev: {}}", "p.yaml:1:8: '../x' cannot name a model"),
        ("environments:\n  dev:\n    gates:\n      - blesed: true", "p.yaml:4:9"),
        ("environments:\n  dev:\n    gates:\n      - {blessed: true, scan: safe}", "found blessed and scan"),
        ("environments:\n  dev:\n    gates:\n      - {}", "needs exactly one of"),
        ("environments:\n  dev:\n    gates:\n      - blessed: false", "p.yaml:4:18"),
        ("environments:\n  dev:\n    gates:\n      - where: metrics.auc >", "p.yaml:4:16: the filter cannot be read"),
        ("environments:\n  dev:\n    gates:\n      - not_worse: {metric: auc, by: -1}", "p.yaml:4:38"),
        ("environments:\n  dev:\n    approvals: {quorum: many}", "p.yaml:3:25"),
        ("environments:\n  dev: {aprovals: {}}", "did you mean 'approvals'?"),
    ],
)  # fmt: skip
def test_a_wrong_policy_is_told_with_its_place(text: str, expected: str) -> None:
    with pytest.raises(DocumentError) as caught:
        policy(text)
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "loss"),
    [
        ("protected: true", "protected: false", "would not be protected"),
        ("quorum: 2", "quorum: 1", "1 approvals would do instead of 2"),
        ("expires_days: 7", "expires_days: 8", "count longer"),
        ("expires_days: 7", "expires_days: null", "count longer"),
        ("separation_of_duty: true", "separation_of_duty: false", "whoever registered"),
        ("[bob, eve, kim]", "[]", "more people"),
        ("[bob, eve, kim]", "[bob, eve, kim, joe]", "more people"),
        ("- blessed: true", "- infra_blessed: true", "the gate 'blessed'"),
        ("by: 0.005", "by: 0.01", "the gate 'not_worse'"),
        ("auc >= 0.9", "auc >= 0.8", "the gate 'where'"),
        ("  production:", "  prod:", "an environment no more"),
    ],
)
def test_what_makes_a_protected_environment_easier_is_said(old: str, new: str, loss: str) -> None:
    assert [loss in each for each in weakened(strict(), strict(old, new))] == [True]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", ""),
        ("quorum: 2", "quorum: 3"),
        ("expires_days: 7", "expires_days: 1"),
        ("[bob, eve, kim]", "[bob, eve]"),
        ("by: 0.005", "by: 0.001"),
        ("      - blessed: true\n", "      - blessed: true\n      - infra_blessed: true\n"),
        ("gates: [infra_blessed: true]", "gates: []"),
        ("  dev: {}\n", ""),
    ],
)
def test_what_is_stricter_or_about_other_environments_is_no_loss(old: str, new: str) -> None:
    assert weakened(strict(), strict(old, new)) == ()


def test_another_key_in_the_place_of_a_trusted_one_is_a_loss() -> None:
    old = Policy.model_validate({"environments": {"p": {"protected": True, "gates": [{"signed": {"keys": [KEY]}}]}}})
    other = KEY.replace("MFkw", "MFkx")
    new = Policy.model_validate({"environments": {"p": {"protected": True, "gates": [{"signed": {"keys": [other]}}]}}})
    assert weakened(old, new) == ("p: the gate 'signed' would go or ask for less",)


def test_a_fingerprint_does_not_depend_on_how_the_key_is_wrapped() -> None:
    assert fingerprint(KEY) == fingerprint("\n" + KEY.replace("k0Wb2T\nhPP", "k0Wb2ThPP").replace("\n", "\r\n"))


@pytest.mark.parametrize("text", ["", "keys/release.pem", KEY.replace("PUBLIC", "PRIVATE"), KEY.replace("MFk", "*")])
def test_what_is_no_public_key_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"this is (no public key|a private key)"):
        fingerprint(text)
