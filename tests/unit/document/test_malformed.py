"""Generated malformed documents: each refused with positions, and with nothing but a DocumentError.

How long that takes is measured where nothing else is: tests/integration/cli/test_malformed.py.
"""

from __future__ import annotations

import pytest

from cmcore.document.model import load
from cmcore.document.text import parse
from cmcore.errors import DocumentError, Problem
from tests.unit.document.malformed import MISFITS, SPOILS, VALID, malformed, misfits
from tests.unit.document.sample import Sample

SEED = 20
PER_KIND = 16


def refusal(content: bytes) -> tuple[Problem, ...]:
    """The problems of a document that must be refused."""
    with pytest.raises(DocumentError) as refused:
        load(parse(content, file="m.yaml"), Sample)
    return refused.value.problems


def in_turn(documents: list[tuple[str, bytes]], kinds: int) -> list[list[bytes]]:
    return [[content for _, content in documents[first::kinds]] for first in range(kinds)]


SPOILT = in_turn(malformed(PER_KIND * len(SPOILS), SEED), len(SPOILS))
MISFITTING = in_turn(misfits(3 * len(MISFITS), SEED), len(MISFITS))


@pytest.mark.parametrize("contents", SPOILT + MISFITTING, ids=[*sorted(SPOILS), *sorted(MISFITS)])
def test_each_generated_document_is_refused_with_positions(contents: list[bytes]) -> None:
    refusals = [refusal(content) for content in contents]
    assert all(problem.line and problem.column for problems in refusals for problem in problems)


@pytest.mark.parametrize("text", VALID)
def test_what_the_generator_spoils_is_valid_before(text: str) -> None:
    assert parse(text, file="v.yaml").value["kind"] in {"Pipeline", "Component", "Stack"}


def test_the_same_seed_gives_the_same_documents() -> None:
    assert malformed(60, seed=5) == malformed(60, seed=5)
