"""What is written is strictly typed, and is read as the same again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import BaseModel

from cmcore.errors import DocumentError, UsageError
from cmcore_hps.config import Checked, Dialect, checked, refuse
from cmcore_hps.config.parameter_server import ParameterServer

GOLDEN = Path(__file__).parents[1] / "golden"
READ = sorted(folder.name for folder in GOLDEN.iterdir() if (folder / "ps.json").exists())
SEED = GOLDEN / "seed-mended"


def outcome_of(case: str, dialect: Dialect) -> Checked:
    return checked((GOLDEN / case / "ps.json").read_bytes(), None, None, dialect=dialect)


WRITTEN = [
    (case, dialect) for case in READ for dialect in Dialect if outcome_of(case, dialect).parameter_server is not None
]  # fmt: skip


def test_enough_cases_can_be_written() -> None:
    assert len(WRITTEN) > 200


@pytest.mark.parametrize(("case", "dialect"), WRITTEN)
def test_what_is_written_is_read_as_the_same_again(case: str, dialect: Dialect) -> None:
    first = outcome_of(case, dialect)
    again = checked(first.export_ps().encode(), None, None, dialect=dialect)
    assert (again.parameter_server, again.export_ps()) == (first.parameter_server, first.export_ps())


@pytest.mark.parametrize(("case", "dialect"), WRITTEN)
def test_what_is_written_is_strictly_typed(case: str, dialect: Dialect) -> None:
    first = outcome_of(case, dialect)
    assert ParameterServer.model_validate_json(first.export_ps(), strict=True) == first.parameter_server


MENDED = {
    "E4-string-typed", "E4-whole-number", "E4-enum-spelling", "E4-required-filled", "E4-defaults-length",
    "E4-json-comment", "E4-json-comma", "E4-json-ellipsis", "E4-json-fragment",
    "E4-text-mark", "E4-volatile-type", "E4-filters-default",
    "E4-key-renamed", "E4-key-dropped", "E4-unknown-key",
}  # fmt: skip


@pytest.mark.parametrize(("case", "dialect"), WRITTEN)
def test_what_the_export_says_to_mend_it_mends(case: str, dialect: Dialect) -> None:
    again = checked(outcome_of(case, dialect).export_ps().encode(), None, None, dialect=dialect)
    assert {finding.rule for finding in again.findings} & MENDED == set()


def test_texts_become_numbers_booleans_and_lists() -> None:
    written = json.loads(checked(SEED / "ps.json", SEED / "config.pbtxt", None).export_ps())
    entry = written["models"][0]
    assert (entry["max_batch_size"], entry["gpucache"], entry["gpucacheper"], entry["deployed_device_list"]) == (
        1024, True, 0.5, [1],
    )  # fmt: skip


def test_a_pbtxt_that_was_written_says_the_same() -> None:
    first = checked(None, SEED / "config.pbtxt", None)
    again = checked(None, first.export_pbtxt().encode(), None)
    assert again.model_config == first.model_config


def test_a_file_that_cannot_be_typed_cannot_be_written() -> None:
    with pytest.raises(UsageError, match=r"ps\.json cannot be written"):
        checked(b"{", None, None).export_ps()


def test_a_pbtxt_that_was_not_given_cannot_be_written() -> None:
    with pytest.raises(UsageError, match=r"config\.pbtxt cannot be written"):
        checked(b"{", None, None).export_pbtxt()


def test_a_refusal_carries_every_error() -> None:
    seed = GOLDEN / "seed-as-it-is"
    with pytest.raises(DocumentError) as refusal:
        refuse(checked(seed / "ps.json", seed / "config.pbtxt", seed / "network.json", model="wdl"))
    assert [problem.path for problem in refusal.value.problems] == ["/max_batch_size", "output", "instance_group"]


def test_files_without_an_error_are_not_refused() -> None:
    refuse(checked(SEED / "ps.json", SEED / "config.pbtxt", SEED / "network.json", model="wdl"))


@pytest.mark.parametrize("value", [checked(SEED / "ps.json", SEED / "config.pbtxt", SEED / "network.json")])
def test_values_are_frozen(value: Checked) -> None:
    values = [value.parameter_server, value.model_config, value.network]
    assert all(isinstance(each, BaseModel) and each.model_config["frozen"] for each in values)
