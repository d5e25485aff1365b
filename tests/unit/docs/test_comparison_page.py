"""The comparison with others has every row, and what it says of cmcore is backed by tests that exist."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "explanation" / "comparison.md").read_text(encoding="utf-8")
LINEAGE, REGISTRY, SERVING = "Lineage and reproducibility", "Tracking, registry, governance", "Serving"
FEATURES = {
    LINEAGE: [
        "Every execution recorded with inputs and outputs",
        "Upstream and downstream queries",
        "Lineage after training",
        "Reproduce an old run",
        "Code version captured",
        "Environment captured",
        "Data fingerprint",
        "Standard export",
        "Signed provenance",
        "Deletion with lineage kept",
    ],
    REGISTRY: [
        "Parameters, metrics, series, images, texts, tables",
        "System and GPU metrics",
        "Autologging",
        "Comparison of runs, parallel coordinates, leaderboard",
        "Tags, notes, owner, search language",
        "Configuration file and command-line flags captured",
        "Registry with versions",
        "MAJOR.MINOR.PIPELINE versions",
        "Stages or aliases",
        "Approvals, separation of duty",
        "Promotion across environments",
        "Model card",
        "Webhooks, automation on registry events",
        "Search by metric, data, tag",
        "Links to other stores",
        "Discussion",
        "Audit log",
        "Continuous evaluation",
    ],
    SERVING: [
        "Open Inference Protocol 2, REST and gRPC",
        "Repository: list, load, unload",
        "Load with other configuration or inline files",
        "Version policy: latest, all, named ones",
        "Aliases that mean a version",
        "Stages",
        "Dynamic batching",
        "Response cache",
        "Priorities, queue timeout, limits by named resource",
        "Many models in little memory, least recently used goes",
        "Batch inference",
        "Deployment config apart from inference config",
        "Recycle: devices freed, embeddings kept",
        "Configurations compared before a rollback",
    ],
}
PEERS = {
    LINEAGE: 10,
    REGISTRY: 8,
    SERVING: 8,
}
OURS = re.compile(r"\*\*(yes|partly|no)\*\*(: \S.{,24})?")  # a table stays readable; the rest stands below it
THEIRS = re.compile(r"(yes|partly|no)(: \S.*)?†?")
REFERENCE = re.compile(r"`((?:tests|plugins)/[^`]+\.py::[^`]+)`")
EVERY_FEATURE = [(section, feature) for section, features in FEATURES.items() for feature in features]


def section_of(heading: str) -> str:
    """The text below a heading, up to the next."""
    return PAGE.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]


def rows(heading: str) -> list[list[str]]:
    """The cells of the table below a heading, without its head."""
    lines = [line for line in section_of(heading).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def references(heading: str) -> dict[str, list[str]]:
    """The tests that stand below the table, by feature."""
    items = re.findall(r"^- \*\*(.+?)\*\*: (.+(?:\n  .+)*)", section_of(heading), re.MULTILINE)
    return {feature: REFERENCE.findall(text) for feature, text in items}


@cache
def names_in(file: Path) -> frozenset[str]:
    """What a file of tests has: functions, classes, and what stands in these, or comes from a contract, as
    `Class::name`."""
    body = ast.parse(file.read_text(encoding="utf-8")).body
    return frozenset([*defined(body, ""), *inherited(body)])


def inherited(body: list[ast.stmt]) -> Iterator[str]:
    """The tests that classes have from contracts of `cmcore.testing`."""
    contracts = {
        name.name: found.module
        for found in body
        if isinstance(found, ast.ImportFrom) and (found.module or "").startswith("cmcore.testing.")
        for name in found.names
    }
    for own in (each for each in body if isinstance(each, ast.ClassDef)):
        for base in (each.id for each in own.bases if isinstance(each, ast.Name) and each.id in contracts):
            contract: type = vars(importlib.import_module(str(contracts[base])))[base]
            yield from (f"{own.name}::{name}" for kind in contract.__mro__ for name in vars(kind))


def defined(body: list[ast.stmt], prefix: str) -> Iterator[str]:
    for statement in body:
        match statement:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield f"{prefix}{name}"
            case ast.ClassDef(name=name, body=inner):
                yield f"{prefix}{name}"
                yield from defined(inner, f"{name}::")
            case _:
                pass


@pytest.mark.parametrize("section", FEATURES)
def test_every_feature_has_its_row(section: str) -> None:
    assert [row[0] for row in rows(section)] == FEATURES[section]


@pytest.mark.parametrize("section", FEATURES)
def test_every_row_has_a_cell_for_each_product(section: str) -> None:
    assert {row[0]: len(row) for row in rows(section)} == dict.fromkeys(FEATURES[section], 2 + PEERS[section])


@pytest.mark.parametrize("section", FEATURES)
def test_our_cells_say_yes_partly_or_no_in_short(section: str) -> None:
    assert [row[1] for row in rows(section) if not OURS.fullmatch(row[1])] == []


@pytest.mark.parametrize("section", FEATURES)
def test_the_cells_of_others_say_yes_partly_or_no(section: str) -> None:
    assert [cell for row in rows(section) for cell in row[2:] if not THEIRS.fullmatch(cell)] == []


@pytest.mark.parametrize(("section", "feature"), EVERY_FEATURE)
def test_what_we_say_we_have_is_shown_by_tests(section: str, feature: str) -> None:
    cells = {row[0]: row[1] for row in rows(section)}
    assert cells[feature].startswith("**no**") or references(section)[feature]


@pytest.mark.parametrize("section", FEATURES)
def test_only_features_of_the_table_have_tests(section: str) -> None:
    assert references(section).keys() <= set(FEATURES[section])


@pytest.mark.parametrize("reference", sorted(set(REFERENCE.findall(PAGE))))
def test_a_test_that_is_named_exists(reference: str) -> None:
    path, _, name = reference.partition("::")
    assert name in names_in(ROOT / path)


def test_every_path_of_a_test_is_a_reference_that_was_looked_at() -> None:
    named = [text for text in re.findall(r"`([^`]+)`", PAGE) if "test_" in text]
    assert sorted(named) == sorted(REFERENCE.findall(PAGE))


def test_the_page_says_of_when_it_is() -> None:
    assert "as of 2026-11-21" in PAGE
