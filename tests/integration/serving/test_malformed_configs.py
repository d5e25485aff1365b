"""Thousands of broken configurations: each is refused, with its file, place, rule or reason, and with what to do."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from cmcore.document.model import load
from cmcore.document.text import parse
from cmcore.errors import DocumentError, ModelRefusedError, Problem
from cmcore.serving.checks import Misfit, misfits
from cmcore.serving.document import Endpoint
from cmcore_hps.config import checked
from cmcore_hps.config.corpus import Sample, corpus
from cmcore_hps.config.finding import Finding
from cmcore_triton.backend import TritonBackend
from cmcore_triton.options import TritonOptions
from tests.integration.serving.malformed_claims import (
    ALL_TOGETHER,
    ENDPOINTS,
    HPS_FILES,
    PAIRS,
    RAY_CALLS,
    RAY_REQUESTS,
    SERVER_CONFIGS,
    TRITON_CALLS,
    TRITON_REQUESTS,
)
from tests.integration.serving.malformed_configs import (
    AS_JSON,
    MEANINGS,
    PBTXT,
    VALID,
    Misfitting,
    endpoints,
    pairs,
    server_configs,
)
from tests.integration.serving.malformed_models import flights

FILE = "endpoint.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What was said of one document; no problems where it was taken."""

    name: str
    content: bytes
    problems: tuple[Problem, ...]


def test_all_kinds_of_malformed_input_together_are_ten_thousand() -> None:
    sent = TRITON_REQUESTS + TRITON_CALLS + RAY_REQUESTS + RAY_CALLS
    assert sent + HPS_FILES + ENDPOINTS + SERVER_CONFIGS + PAIRS >= ALL_TOGETHER


@pytest.fixture(scope="module")
def found() -> list[tuple[Sample, list[Finding]]]:
    """What is found in broken files of HugeCTR and HPS."""
    return [
        (each, list(checked(each.ps, each.pbtxt, each.network, model="wdl").findings)) for each in corpus(77, HPS_FILES)
    ]


def test_every_broken_file_of_hps_is_found_by_a_rule_that_fits(found: list[tuple[Sample, list[Finding]]]) -> None:
    missed = [
        sample.what
        for sample, findings in found
        if not any(it.rule.startswith(tuple(sample.rules)) and sample.where in it.pointer for it in findings)
    ]
    assert (len(found), missed) == (HPS_FILES, [])


def test_every_finding_names_file_pointer_rule_and_fix(found: list[tuple[Sample, list[Finding]]]) -> None:
    findings = [finding for _, each in found for finding in each]
    assert [it for it in findings if not (it.file and it.pointer and it.rule and it.message and it.fix)] == []


@pytest.fixture(scope="module")
def refusals() -> list[Refusal]:
    """What is said of broken Endpoint documents."""
    return [Refusal(name=name, content=content, problems=said_of(content)) for name, content in endpoints(ENDPOINTS, 5)]


def said_of(content: bytes) -> tuple[Problem, ...]:
    """The problems of a document; none where it is right. Whatever else is raised is a bug."""
    try:
        load(parse(content, file=FILE), Endpoint)
    except DocumentError as error:
        return error.problems
    return ()


def test_the_document_that_is_spoiled_is_right() -> None:
    assert said_of(yaml.safe_dump(VALID).encode()) == ()


def test_every_broken_document_is_refused(refusals: list[Refusal]) -> None:
    taken = [(it.name, it.content[:2000]) for it in refusals if not it.problems]
    assert (len(refusals), taken) == (ENDPOINTS, [])


def test_every_problem_names_file_line_place_and_reason(refusals: list[Refusal]) -> None:
    problems = [(it.name, each) for it in refusals for each in it.problems]
    nameless = [
        (name, str(it))
        for name, it in problems
        if not (it.file == FILE and it.line and it.column and it.path.startswith("$") and it.message)
    ]
    assert nameless == []


def test_every_problem_is_one_short_message(refusals: list[Refusal]) -> None:
    messages = [it.message for each in refusals for it in each.problems]
    assert [message for message in messages if "\n" in message or len(message) > 1000] == []


@pytest.mark.parametrize("name", sorted(MEANINGS))
def test_what_means_nothing_is_refused_at_a_place_below_the_root(name: str, refusals: list[Refusal]) -> None:
    paths = [it.path for each in refusals if each.name == name for it in each.problems]
    assert len([path for path in paths if path != "$"]) > 100


@pytest.fixture(scope="module")
def triton(tmp_path_factory: pytest.TempPathFactory) -> TritonBackend:
    """A backend whose server need not run."""
    return TritonBackend(tmp_path_factory.mktemp("malformed-configs"), TritonOptions())


@pytest.fixture(scope="module")
def replies(triton: TritonBackend, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[object, str]]:
    """What is said of broken configurations of Triton's own."""
    placement = flights(tmp_path_factory.mktemp("models") / "flights")
    told: list[tuple[object, str]] = []
    for number, config in enumerate(server_configs(SERVER_CONFIGS, 5)):
        changed = placement.inference.model_copy(update={"server_config": config})
        told.append((config, placed(triton, placement.model_copy(update={"inference": changed, "name": f"m{number}"}))))
    return told


def placed(triton: TritonBackend, placement: object) -> str:
    """The text of the refusal; empty where there is none. Whatever else is raised is a bug."""
    try:
        triton.place(placement)  # type: ignore[arg-type] # a copy of a Placement
    except ModelRefusedError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("config", [PBTXT, AS_JSON, json.loads(AS_JSON)], ids=["pbtxt", "JSON", "mapping"])
def test_the_configuration_that_is_spoiled_is_right(
    config: str | dict[str, object], triton: TritonBackend, tmp_path: Path
) -> None:
    placement = flights(tmp_path / "flights")
    changed = placement.inference.model_copy(update={"server_config": config})
    named = placement.model_copy(update={"inference": changed, "name": f"right-{type(config).__name__}-{len(config)}"})
    assert placed(triton, named) == ""


def test_every_broken_configuration_of_triton_is_refused(replies: list[tuple[object, str]]) -> None:
    taken = [str(config)[:1000] for config, told in replies if not told]
    assert (len(replies), taken) == (SERVER_CONFIGS, [])


def test_every_refusal_of_a_configuration_names_its_place(replies: list[tuple[object, str]]) -> None:
    assert [told for _, told in replies if "@ $.inference.server_config" not in told] == []


def test_every_refusal_of_a_configuration_is_short(replies: list[tuple[object, str]]) -> None:
    assert [told[:300] for _, told in replies if len(told) > 2000] == []


def found_in(case: Misfitting, folder: Path) -> list[Misfit]:
    """All that cannot be in a document that is otherwise right."""
    document: dict[str, object] = {"kind": "Endpoint", "name": "delays", "backend": "any", **case.changes}
    if "variants" not in document:
        document["variants"] = [{"model": "flights@1.0.0"}]
    endpoint = load(parse(json.dumps(document), file=FILE), Endpoint)
    interface = flights(folder).interface
    return [it for variant in endpoint.variants for it in misfits(endpoint, variant, case.able, interface)]


@pytest.mark.parametrize("case", list(pairs()), ids=lambda case: case.pointer)
def test_what_cannot_be_is_found_at_its_place_with_a_fix(case: Misfitting, tmp_path: Path) -> None:
    found = [it for it in found_in(case, tmp_path / "flights") if it.pointer == case.pointer]
    assert [bool(it.message and it.fix) for it in found[:1]] == [True]


def test_there_are_as_many_misfits_as_are_counted() -> None:
    assert len(list(pairs())) >= PAIRS
