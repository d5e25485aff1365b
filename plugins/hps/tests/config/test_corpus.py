"""Broken files: each is found to be broken, by a rule that fits, in the place where it is."""

from __future__ import annotations

import pytest

from cmcore_hps.config import Dialect, checked
from cmcore_hps.config.corpus import INPUTS, Sample, corpus, encoded, whole

COUNT = 600


def found_in(sample: Sample) -> list[str]:
    """The findings that are about what was broken."""
    outcome = checked(sample.ps, sample.pbtxt, sample.network, model="wdl")
    return [
        finding.rule
        for finding in outcome.findings
        if finding.rule.startswith(tuple(sample.rules)) and sample.where in finding.pointer
    ]


def test_every_broken_set_of_files_is_found_by_a_rule_that_fits() -> None:
    missed = [sample.what for sample in corpus(2026, COUNT) if not found_in(sample)]
    assert missed == []


def test_every_finding_names_file_place_rule_and_fix() -> None:
    outcomes = [checked(each.ps, each.pbtxt, each.network, model="wdl") for each in corpus(5, COUNT)]
    findings = [finding for outcome in outcomes for finding in outcome.findings]
    assert [
        each for each in findings if not (each.file and each.pointer and each.rule and each.message and each.fix)
    ] == []


def test_a_corpus_is_the_same_for_the_same_seed() -> None:
    assert list(corpus(11, 50)) == list(corpus(11, 50))


@pytest.mark.parametrize("dialect", list(INPUTS))
def test_the_files_that_a_corpus_breaks_agree(dialect: Dialect) -> None:
    files = whole(dialect)
    outcome = checked(encoded(files.ps), files.pbtxt.encode(), encoded(files.network), model="wdl")
    assert {finding.rule for finding in outcome.findings} <= {"E5-backend-deprecated"}
