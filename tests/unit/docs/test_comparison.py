"""Outputs are compared apart from what is new in every run."""

from __future__ import annotations

import pytest

from tests.integration.docs.comparison import matched, with_names

RUN, OTHER = "words-20260101-120000-abcd1234", "words-20261231-235959-0f0f0f0f"


@pytest.mark.parametrize(
    ("stated", "printed"),
    [
        ("done", "done\n"),
        ("in 0.3 s", "in 12.0 s"),
        ("12:00:00  fit  COMPLETE", "23:59:59  fit    COMPLETE"),
        ("sha256:0123456789ab", "sha256:" + "f" * 64),
        ("2026-01-01 12:00:00", "2026-12-31 23:59:59"),
        ("5 min ago", "just now"),
        ("a ... z", "a b c z"),
        ("a\n...\nz", "a\nb\nc\nz"),
        ("a\n...\nz", "a\nz"),
        ("a\n...", "a\nb"),
        ("...\nz", "y\nz"),
        ("a  ", "a"),
        ("f(x) [1]", "f(x) [1]"),
    ],
)
def test_what_differs_every_time_does_not_count(stated: str, printed: str) -> None:
    assert matched(stated, printed) == {}


@pytest.mark.parametrize(
    ("stated", "printed"),
    [
        ("fit COMPLETE", "fit FAILED"),
        ("a", "a\nb"),
        ("a\nb", "a"),
        ("axb", "a.b"),
        ("a ... z", "a\nz"),
        (f"{RUN} {RUN}", f"{RUN} {OTHER}"),
    ],
)
def test_anything_else_does(stated: str, printed: str) -> None:
    assert matched(stated, printed) is None


def test_the_name_of_a_run_is_learned() -> None:
    assert matched(f"started {RUN}\n{RUN} ended", f"started {OTHER}\n{OTHER} ended") == {RUN: OTHER}


def test_later_commands_use_the_learned_name() -> None:
    assert with_names(f"cm show {RUN}/fit", {RUN: OTHER}) == f"cm show {OTHER}/fit"


def test_a_name_that_was_not_stated_means_the_last_run_of_its_pipeline() -> None:
    assert with_names(f"cm show {RUN}", {}, [OTHER, "verbs-20261231-235959-0f0f0f0f"]) == f"cm show {OTHER}"
