"""Every rule on files that break it, and files that no reader objects to. `CM_GOLDEN=1` rewrites what is found.

A folder is called after the rule that its files break, with `--` before what tells it from others.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from cmcore_hps.config import Checked, Dialect, Finding, checked
from cmcore_hps.config.rules import RULES

GOLDEN = Path(__file__).parents[1] / "golden"
CASES = sorted(folder.name for folder in GOLDEN.iterdir() if folder.is_dir())
ACCEPTED = [case for case in CASES if case.startswith("accepted-") or case == "seed-mended"]
BROKEN = [case for case in CASES if case.startswith("E")]
NOT_IN_FILES = {"E5-pbtxt-library"}  # of what is installed; see test_readers.py


def source(case: str, name: str, absent: object) -> Path | bytes | None:
    path = GOLDEN / case / name
    if absent == name.partition(".")[0]:
        return Path("nowhere") / name
    return path.read_bytes() if path.exists() else None


def outcome(case: str) -> Checked:
    """What is found in the files of one case."""
    path = GOLDEN / case / "asked.json"
    asked = json.loads(path.read_text()) if path.exists() else {}
    files = [source(case, name, asked.get("absent")) for name in ("ps.json", "config.pbtxt", "network.json")]
    dialect = Dialect(asked["dialect"]) if "dialect" in asked else None
    return checked(*files, model=asked.get("model", ""), dialect=dialect)


def document(finding: Finding) -> dict[str, object]:
    at = f"{finding.line}:{finding.column}"
    return {
        "at": f"{finding.file}:{at} {finding.pointer}", "rule": finding.rule, "severity": finding.severity.value,
        "message": finding.message, "fix": finding.fix,
    }  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_golden_findings_are_those_that_are_expected(case: str) -> None:
    found = [document(finding) for finding in outcome(case).findings]
    path = GOLDEN / case / "findings.json"
    if os.environ.get("CM_GOLDEN"):
        path.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    assert found == json.loads(path.read_text())


@pytest.mark.parametrize("case", BROKEN)
def test_files_that_break_a_rule_are_found_by_it(case: str) -> None:
    rule = case.partition("--")[0]
    found = outcome(case).findings
    assert (rule, RULES[rule].severity) in {(finding.rule, finding.severity) for finding in found}


@pytest.mark.parametrize("case", BROKEN)
def test_files_of_an_error_are_refused(case: str) -> None:
    rule = RULES[case.partition("--")[0]]
    assert (rule.severity == "error") <= bool(outcome(case).errors)


@pytest.mark.parametrize("case", BROKEN)
def test_a_rule_is_said_only_to_the_readers_that_it_names(case: str) -> None:
    found = outcome(case)
    assert [finding for finding in found.findings if found.dialect not in RULES[finding.rule].dialects] == []


@pytest.mark.parametrize("case", ACCEPTED)
def test_files_that_agree_are_accepted(case: str) -> None:
    assert outcome(case).errors == ()


def test_every_rule_is_broken_by_some_files() -> None:
    seen = {finding.rule for case in CASES for finding in outcome(case).findings}
    assert set(RULES) - seen == NOT_IN_FILES


def test_the_notebook_s_own_pair_is_refused_for_its_three_contradictions() -> None:
    found = {(finding.rule, finding.file, finding.pointer) for finding in outcome("seed-as-it-is").errors}
    assert found == {
        ("E4-max-batch-equal", "ps.json", "/max_batch_size"),
        ("E5-output-count", "config.pbtxt", "output"),
        ("E5-instance-group", "config.pbtxt", "instance_group"),
    }


def test_a_difference_of_max_batch_size_names_both_files_and_values() -> None:
    (finding,) = [each for each in outcome("seed-as-it-is").errors if each.rule == "E4-max-batch-equal"]
    assert "max_batch_size is 1024 in ps.json and 64 in config.pbtxt" in finding.message
