"""The page of rules in the documentation. `CM_GOLDEN=1` rewrites it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cmcore_hps.config.rule import Rule
from cmcore_hps.config.rule_page import page
from cmcore_hps.config.rules import RULES
from cmcore_hps.config.rules_of_server import SERVER_RULES
from cmcore_hps.config.rules_of_triton import TRITON_RULES

PAGE = Path(__file__).parents[4] / "docs" / "reference" / "hps-rules.md"


def test_golden_page_of_rules_is_current() -> None:
    if os.environ.get("CM_GOLDEN"):
        PAGE.write_text(page())
    assert PAGE.read_text() == page()


def test_rules_have_ids_of_their_own() -> None:
    assert len(RULES) == len(SERVER_RULES) + len(TRITON_RULES)


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_a_rule_says_a_sentence_and_its_source(rule: Rule) -> None:
    assert (rule.says[-1], rule.says[:1].strip(), bool(rule.source), bool(rule.dialects)) == (
        ".", rule.says[:1], True, True,
    )  # fmt: skip
