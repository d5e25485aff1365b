"""The rules by their stable ids: what each says, how grave it is, for whom, and where it was read.

An error is what a reader refuses, dies of, or leaves undefined, and no writer can mend; a warning is what the strict
export has mended, what a reader ignores or changes without a word, or what its makers advise against.
"""

from __future__ import annotations

from collections.abc import Mapping

from cmcore_hps.config.rule import Rule
from cmcore_hps.config.rules_of_server import SERVER_RULES
from cmcore_hps.config.rules_of_triton import TRITON_RULES

RULES: Mapping[str, Rule] = {rule.id: rule for rule in (*SERVER_RULES, *TRITON_RULES)}
