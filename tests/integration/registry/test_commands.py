"""The registry's commands, called in a project of its own: what they print, their exit codes, and hostile words."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cmcore.cli.main import run
from cmcore.registry.gates import Evidence
from cmcore.registry.policy import Policy
from cmcore.registry.store import Registry
from cmcore.registry.values import Verdict
from cmcore.stack.project import Project
from tests.integration.registry.stored import recorded
from tests.unit.registry.names_corpus import HOSTILE, HOSTILE_REFERENCES
from tests.unit.registry.samples import KEY, facts, ref

pytestmark = pytest.mark.integration
UNSAYABLE = {"a\0b", "flights@a\0b", "--help"}  # no argument of any process; a question
SAYABLE = sorted({*HOSTILE} - UNSAYABLE)
SAYABLE_REFERENCES = sorted({*HOSTILE_REFERENCES} - UNSAYABLE)


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a command line came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> object:
        """What was printed as JSON."""
        return json.loads(self.out)


Cm = Callable[..., Said]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "cm.yaml").write_text("kind: Project\nname: delays\nactor: bob\n")
    with Project(folder) as project:
        yield project


@pytest.fixture
def registry(project: Project) -> Registry:
    """Two versions by Ana, who is not the project's actor."""
    registry = Registry(project.database, actor="ana")
    registry.register("flights", recorded(project, facts(1, auc=0.81, f1=0.5)))
    registry.register("flights", recorded(project, facts(2, auc=0.92, f1=0.6)))
    return registry


@pytest.fixture
def cm(project: Project, registry: Registry, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cm:
    """Carry out one command line in the project."""
    monkeypatch.chdir(project.folder)
    monkeypatch.delenv("CM_ACTOR", raising=False)

    def call(*arguments: str) -> Said:
        code = run(arguments)
        out, err = capsys.readouterr()
        return Said(code=code, out=out, err=err)

    return call


def promoted(registry: Registry, project: Project) -> None:
    """Bob approves 1.0.0, Ana promotes it."""
    Registry(project.database, actor="bob").approve(ref("flights@1.0.0"), "production", Verdict.APPROVED, "looked")
    seen = Evidence(facts=registry.version(ref("flights@1.0.0")).facts, scan_reasons=(), objections=())
    registry.promote(ref("flights@1.0.0"), "production", over=0, evidence=seen, reason="first one")


def test_models_are_listed_with_their_newest_version(cm: Cm) -> None:
    assert cm("models").out.split()[5:7] == ["flights", "1.0.1"]


def test_models_as_json_name_the_generations_of_aliases(cm: Cm) -> None:
    cm("alias", "flights@1.0.0", "best")
    found = cm("models", "--json").json
    assert isinstance(found, list)
    assert (found[0]["newest"], found[0]["aliases"]["best"]["generation"]) == ("1.0.1", 1)


def test_versions_of_a_model_are_listed_the_newest_first(cm: Cm) -> None:
    lines = cm("models", "flights").out.splitlines()
    assert [line.split()[0] for line in lines] == ["version", "1.0.1", "1.0.0"]


def test_a_search_over_all_models_names_them(cm: Cm) -> None:
    assert cm("models", "--where", "metrics.auc > 0.9").out.splitlines()[1].startswith("flights@1.0.1")


def test_a_search_that_finds_nothing_says_so(cm: Cm) -> None:
    assert cm("models", "flights", "--where", "metrics.auc > 2").out == "no versions\n"


def test_versions_are_ordered_as_asked(cm: Cm) -> None:
    found = cm("models", "flights", "--order-by", "metrics.auc", "--json").json
    assert isinstance(found, list)
    assert [each["version"] for each in found] == ["1.0.0", "1.0.1"]


def test_a_version_is_shown_with_everything_that_people_said(cm: Cm) -> None:
    cm("approve", "flights@1.0.0", "--for", "production", "--reason", "looked at the slices")
    cm("describe", "flights@1.0.0", "owner=delays", "--link", "ticket=https://t.example/1")
    shown = cm("models", "flights@1.0.0").out
    missing = [
        text
        for text in (
            "bob approved it for production",
            "looked at the slices",
            "owner",
            "https://t.example/1",
            "auc",
            "0.81",
        )
        if text not in shown
    ]
    assert missing == []


def test_a_version_is_shown_with_why_it_has_its_number(cm: Cm) -> None:
    shown = cm("models", "flights@latest").out
    assert ("Why 1.0.1" in shown, "pipeline:" in shown, "✘ it is compared with 1.0.0" in shown) == (True, True, True)


def test_a_version_as_json_has_its_approvals(cm: Cm) -> None:
    cm("approve", "flights@1.0.0", "--for", "production")
    found = cm("models", "flights@1.0.0", "--json").json
    assert isinstance(found, dict)
    assert (found["approvals"][0]["actor"], found["bump"]["level"]) == ("bob", "first")


def test_what_an_executor_wrote_moves_no_cursor(cm: Cm, registry: Registry) -> None:
    registry.describe(ref("flights@1.0.0"), {"owner": "\x1b[2Jdelays\u202e"})
    shown = cm("models", "flights@1.0.0").out
    assert ("\x1b[2J" in shown, "\u202e" in shown, "delays" in shown) == (False, False, True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("reviewed=true", True),
        ("rows=2000", 2000),
        ("team=delays", "delays"),
        ('list=[1, "a"]', [1, "a"]),
        ("a=b=c", "b=c"),
    ],
)
def test_values_are_json_where_they_can_be_read_so(cm: Cm, registry: Registry, text: str, expected: object) -> None:
    assert cm("describe", "flights@1.0.0", text).code == 0
    assert list(registry.version(ref("flights@1.0.0")).properties.values()) == [expected]


def test_a_model_without_a_version_is_described_itself(cm: Cm, registry: Registry) -> None:
    cm("describe", "flights", "owner=delays")
    assert registry.model("flights").properties == {"owner": "delays"}


def test_properties_and_links_are_taken_away(cm: Cm, registry: Registry) -> None:
    cm("describe", "flights@1.0.0", "owner=delays", "--link", "ticket=https://t.example/1")
    cm("describe", "flights@1.0.0", "--remove", "owner", "--link", "ticket=")
    assert (registry.version(ref("flights@1.0.0")).properties, registry.links(ref("flights@1.0.0"))) == ({}, [])


def test_an_alias_is_set_moved_and_removed(cm: Cm) -> None:
    said = [
        cm("alias", "flights@1.0.0", "best").out,
        cm("alias", "flights@latest", "best").out,
        cm("alias", "flights", "best", "--remove").out,
    ]
    assert said == [
        "flights@best means 1.0.0\n",
        "flights@best means 1.0.1 (was 1.0.0)\n",
        "flights@best means nothing any more\n",
    ]


def test_an_approval_says_until_when_it_counts(cm: Cm) -> None:
    assert cm("approve", "flights@1.0.0", "--for", "production").out.startswith(
        "bob approved flights@1.0.0 for production, until 20"
    )


def test_a_word_is_taken_back(cm: Cm, registry: Registry) -> None:
    cm("approve", "flights@1.0.0", "--for", "production", "--reject", "--reason", "worse at night")
    cm("approve", "flights@1.0.0", "--for", "production", "--withdraw")
    assert registry.approvals(ref("flights@1.0.0")) == []


@pytest.fixture
def blessed_only(registry: Registry) -> None:
    """A policy whose gates read nothing but the registry."""
    production = {"protected": True, "approvals": {}, "gates": [{"blessed": True}]}
    registry.apply_policy(
        Policy.model_validate({"environments": {"dev": {}, "production": production}}), "no files here"
    )


@pytest.mark.usefixtures("blessed_only")
def test_a_promotion_without_an_approval_is_refused_and_logged(cm: Cm, registry: Registry) -> None:
    refused = cm("promote", "flights@1.0.0", "--to", "production")
    assert (refused.code, list(registry.audit.entries())[-1].action) == (77, "promotion.refused")
    assert refused.err == (
        "error: flights@1.0.0 may not become production's, and nothing was changed:\n"
        "  approvals: 0 of 1 approvals; others can: cm approve\n"
    )


@pytest.mark.usefixtures("blessed_only")
def test_an_approved_version_is_promoted(cm: Cm) -> None:
    cm("approve", "flights@1.0.0", "--for", "production")
    assert cm("promote", "flights@1.0.0", "--to", "production").out == "flights@1.0.0 is now production's\n"
    assert cm("promote", "flights@production", "--to", "production").out == (
        "flights@1.0.0 is production's already, by bob\n"
    )


@pytest.mark.usefixtures("blessed_only")
def test_a_promotion_as_json_is_the_alias(cm: Cm) -> None:
    cm("approve", "flights@1.0.0", "--for", "production")
    found = cm("promote", "flights@1.0.0", "--to", "production", "--json").json
    assert isinstance(found, dict)
    assert (found["alias"], found["version"], found["generation"]) == ("production", "1.0.0", 1)


@pytest.mark.usefixtures("blessed_only")
def test_a_dry_run_tells_every_finding_and_changes_nothing(cm: Cm, registry: Registry) -> None:
    head = registry.audit.head()
    foreseen = cm("promote", "flights@1.0.0", "--to", "production", "--dry-run", "--json")
    assert (foreseen.code, registry.audit.head()) == (77, head)
    assert foreseen.json == {
        "allowed": False,
        "findings": [
            {"rule": "blessed", "holds": True, "found": "it is blessed"},
            {"rule": "approvals", "holds": False, "found": "0 of 1 approvals; others can: cm approve"},
        ],
    }


@pytest.mark.usefixtures("blessed_only")
def test_a_dry_run_of_what_is_allowed_says_so(cm: Cm) -> None:
    cm("approve", "flights@1.0.0", "--for", "production")
    foreseen = cm("promote", "flights@1.0.0", "--to", "production", "--dry-run")
    assert (foreseen.code, foreseen.out.splitlines()[0]) == (0, "flights@1.0.0 may become production's")


@pytest.mark.usefixtures("blessed_only")
def test_who_looked_too_long_ago_is_told_who_was_faster(cm: Cm, registry: Registry, project: Project) -> None:
    promoted(registry, project)
    late = cm("promote", "flights@1.0.1", "--to", "production", "--over", "0")
    assert (late.code, "ana moved to 1.0.0" in late.err) == (75, True)


def test_history_tells_each_move(cm: Cm, registry: Registry, project: Project) -> None:
    promoted(registry, project)
    found = cm("history", "flights", "--json").json
    assert isinstance(found, list)
    assert [(each["alias"], each["version"], each["actor"], each["reason"]) for each in found] == [
        ("production", "1.0.0", "ana", "first one")
    ]


def test_history_at_a_time_says_who_put_what_there(cm: Cm, registry: Registry, project: Project) -> None:
    promoted(registry, project)
    told = cm("history", "flights", "--env", "production", "--at", "0 seconds ago").out
    assert told.startswith("production was 1.0.0 since 20")
    assert told.endswith(", by ana: first one\n")


def test_before_the_first_move_nothing_was_there(cm: Cm, registry: Registry, project: Project) -> None:
    promoted(registry, project)
    assert cm("history", "flights", "--at", "2 days ago").out == "production was nothing\n"


def test_a_policy_that_was_shown_can_be_applied(cm: Cm, project: Project) -> None:
    (project.folder / "policy.yaml").write_text(cm("policy", "show", "flights").out)
    assert cm("policy", "apply", "policy.yaml").out.startswith("in force for every model without one of its own: dev")


def test_a_policy_brings_its_keys(cm: Cm, project: Project, registry: Registry) -> None:
    (project.folder / "release.pem").write_text(KEY)
    gates = "[{blessed: true}, {scan: safe}, {signed: {keys: [release.pem]}}]"
    (project.folder / "policy.yaml").write_text(
        f"model: flights\nenvironments: {{production: {{protected: true, approvals: {{}}, gates: {gates}}}}}\n"
    )
    assert cm("policy", "apply", "policy.yaml").code == 0
    signed = registry.policy("flights").environment("production").gates[2].signed
    assert signed
    assert signed.keys == (KEY,)


def test_a_weaker_policy_is_applied_with_a_reason_only(cm: Cm, project: Project) -> None:
    (project.folder / "policy.yaml").write_text("model: flights\nenvironments: {dev: {}}\n")
    assert cm("policy", "apply", "policy.yaml").code == 64
    assert "easier now: production" in cm("policy", "apply", "policy.yaml", "--reason", "a toy").out


def test_the_audit_chain_is_verified_against_a_noted_head(cm: Cm) -> None:
    noted = cm("audit", "head").out
    cm("describe", "flights", "owner=delays")
    assert cm("audit", "verify", "--head", noted).out == "the chain holds: 4 entries\n"


def test_a_broken_chain_is_an_exit_code_of_one(cm: Cm, project: Project) -> None:
    with project.database.writing() as connection:
        connection.exec_driver_sql("DROP TRIGGER registry_audit_unchanged")
        connection.exec_driver_sql("UPDATE registry_audit SET actor = 'mallory' WHERE seq = 2")
    broken = cm("audit", "verify")
    assert (broken.code, broken.out.splitlines()[0]) == (
        1, "the chain is broken at entry 2: entry 2 is not what was hashed when it was written: it was changed",
    )  # fmt: skip


def test_the_newest_entries_are_shown_the_oldest_of_them_first(cm: Cm) -> None:
    lines = cm("audit", "show", "--limit", "2", "--json").out.splitlines()
    assert [json.loads(line)["seq"] for line in lines] == [2, 3]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["models", "trains"], 66),
        (["models", "flights@9.9.9"], 66),
        (["models", "--where", "auc >"], 64),
        (["models", "--where", "auc > 1"], 64),
        (["models", "flights", "--order-by", "sideways"], 64),
        (["describe", "flights"], 64),
        (["describe", "flights", "owner"], 64),
        (["describe", "flights", "owner=null"], 64),
        (["describe", "flights", "a b=1"], 64),
        (["describe", "flights", "--link", "x=javascript:alert(1)"], 64),
        (["describe", "trains", "owner=x"], 66),
        (["approve", "flights@1.0.0", "--for", "prod"], 66),
        (["approve", "flights@1.0.0", "--for", "production", "--reject"], 64),
        (["approve", "flights@1.0.0", "--for", "production", "--withdraw"], 66),
        (["approve", "flights@1.0.0", "--for", "production", "--reject", "--withdraw"], 64),
        (["promote", "flights@1.0.0", "--to", "prod"], 66),
        (["promote", "flights@9.0.0", "--to", "production"], 66),
        (["alias", "flights@1.0.0", "production"], 77),
        (["alias", "flights@1.0.0", "best", "--over", "3"], 75),
        (["alias", "flights", "best", "--remove"], 66),
        (["alias", "flights@1.0.0", "latest"], 64),
        (["history", "trains"], 66),
        (["history", "flights", "--env", "prodution"], 66),
        (["history", "flights", "--at", "2099-01-01"], 64),
        (["describe", "flights@1.0.0", "owner=kim", "--remove", "nothere"], 66),
        (["history", "flights", "--at", "soon"], 64),
        (["policy", "show", "a/b"], 64),
        (["policy", "apply", "absent.yaml"], 65),
        (["audit", "verify", "--head", "x"], 64),
    ],
)
def test_exit_code_and_no_change(cm: Cm, registry: Registry, words: list[str], code: int) -> None:
    head = registry.audit.head()
    assert (cm(*words).code, registry.audit.head()) == (code, head)


def test_whoever_registered_a_version_cannot_approve_it(cm: Cm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CM_ACTOR", "Ana")
    refused = cm("approve", "flights@1.0.0", "--for", "production")
    assert (refused.code, "ana registered it" in refused.err) == (77, True)


DOORS: list[Callable[[str], list[str]]] = [
    lambda name: ["models", name],
    lambda name: ["describe", name, "a=1"],
    lambda name: ["approve", name, "--for", "production"],
    lambda name: ["promote", name, "--to", "production"],
    lambda name: ["alias", name, "best"],
    lambda name: ["alias", "flights@1.0.0", name],
    lambda name: ["history", name],
    lambda name: ["policy", "show", name],
    lambda name: ["audit", "show", "--model", name],
]


@pytest.mark.parametrize(
    "door", DOORS, ids=["models", "describe", "approve", "promote", "alias", "name", "history", "policy", "audit"]
)
def test_no_hostile_name_passes_a_door(cm: Cm, registry: Registry, door: Callable[[str], list[str]]) -> None:
    head = registry.audit.head()
    assert [name for name in SAYABLE if cm(*door(name)).code != 64] == []
    assert registry.audit.head() == head


@pytest.mark.parametrize("door", DOORS[:5], ids=["models", "describe", "approve", "promote", "alias"])
def test_no_hostile_reference_passes_a_door(cm: Cm, registry: Registry, door: Callable[[str], list[str]]) -> None:
    head = registry.audit.head()
    assert [text for text in SAYABLE_REFERENCES if cm(*door(text)).code != 64] == []
    assert registry.audit.head() == head


def test_words_from_outside_are_opened_as_no_file(cm: Cm, project: Project) -> None:
    before = sorted(project.folder.rglob("*"))
    canary = project.folder.parent / "canary"
    canary.write_text("untouched")
    codes = {cm("models", f"flights@{text}").code for text in ("../canary", "../../canary", str(canary))}
    assert (codes, canary.read_text(), sorted(project.folder.rglob("*"))) == ({64}, "untouched", before)


def test_describing_says_what_it_did(cm: Cm) -> None:
    said = [
        cm("describe", "flights@latest", "owner=delays", "n=2", "--link", "ticket=https://t.example/1").out,
        cm("describe", "flights@1.0.1", "--remove", "owner", "--link", "ticket=").out,
        cm("describe", "flights", "owner=delays").out,
    ]
    assert said == [
        "flights@1.0.1: owner is delays\nflights@1.0.1: n is 2\nflights@1.0.1: ticket links to https://t.example/1\n",
        "flights@1.0.1: owner taken away\nflights@1.0.1: ticket links nowhere\n",
        "flights: owner is delays\n",
    ]


def test_the_log_shows_properties_and_links(cm: Cm) -> None:
    cm("describe", "flights@1.0.0", "owner=delays", "--link", "ticket=https://t.example/1")
    described, linked = cm("audit", "show", "--limit", "2").out.splitlines()[1:]
    assert ('properties {"owner": "delays"}' in described, "https://t.example/1" in linked) == (True, True)


def test_the_log_shows_newer_evidence_and_so_does_the_version(cm: Cm, registry: Registry) -> None:
    spoke = {"evidence": {"blessing": "r2/evaluate/1/blessing/0"}, "blessed": False}
    registry.register("flights", registry.version(ref("flights@1.0.0")).facts.model_copy(update=spoke))
    shown = cm("models", "flights@1.0.0").out
    assert ("blessing by  r2/evaluate/1/blessing/0" in shown, "blessed      no" in shown) == (True, True)
    assert '"blessing": "r2/evaluate/1/blessing/0"' in cm("audit", "show", "--limit", "1").out


def test_the_time_that_history_prints_is_that_of_the_move(cm: Cm, registry: Registry, project: Project) -> None:
    promoted(registry, project)
    printed = cm("history", "flights").out.splitlines()[1].partition("  ")[0]
    assert cm("history", "flights", "--at", printed).out == f"production was 1.0.0 since {printed}, by ana: first one\n"


def test_history_is_asked_for_now(cm: Cm, registry: Registry, project: Project) -> None:
    promoted(registry, project)
    assert cm("history", "flights", "--env", "production", "--at", "now").out.startswith("production was 1.0.0")


def test_a_policy_for_a_model_that_is_not_there_yet_says_so(cm: Cm, project: Project) -> None:
    (project.folder / "policy.yaml").write_text(cm("policy", "show").out.replace('"*"', "flight"))
    told = cm("policy", "apply", "policy.yaml").out
    assert told.splitlines()[1] == "there is no model 'flight' yet; did you mean 'flights'?"
