"""The reference pages name what is there: documents with all their parts, and Python's names."""

from __future__ import annotations

import importlib
import inspect
import re
import runpy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from cmcore.serving.document import Endpoint

DOCS = Path(__file__).parents[3] / "docs"
PAGES = sorted((DOCS / "reference" / "api").glob("*.md"))
BLOCK = re.compile(r"^::: ([\w.]+)\n((?:    .*\n)*)", re.MULTILINE)
MEMBERS = re.compile(r"members: \[([^\]]*)\]")


@pytest.fixture(scope="module")
def documents() -> Mapping[str, tuple[type[BaseModel], ...]]:
    """The models that the page of documents describes, by kind."""
    found: Mapping[str, tuple[type[BaseModel], ...]] = runpy.run_path(str(DOCS / "_generate" / "pages.py"))["DOCUMENTS"]
    return found


def parts(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """The models that a model is made of, itself included."""
    yield model
    for field in model.model_fields.values():
        for inner in models_in(field.annotation):
            yield from parts(inner)


def models_in(annotation: object) -> Iterator[type[BaseModel]]:
    """The models that a type speaks of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from models_in(argument)


def addresses(page: Path) -> Iterator[str]:
    """The dotted names of what a page shows."""
    for place, options in BLOCK.findall(page.read_text(encoding="utf-8") + "\n"):
        yield place
        for listed in MEMBERS.findall(options):
            yield from (f"{place}.{name.strip()}" for name in listed.split(","))


def shown(place: str) -> object:
    """The module, or the object in one, under a dotted name; raises AttributeError where there is none."""
    try:
        return importlib.import_module(place)
    except ModuleNotFoundError:
        module, _, name = place.rpartition(".")
        return inspect.getattr_static(shown(module), name)


def test_every_part_of_an_endpoints_document_is_described(
    documents: Mapping[str, tuple[type[BaseModel], ...]],
) -> None:
    assert set(documents["Endpoint"]) == set(parts(Endpoint))


def test_no_two_parts_of_a_kind_have_one_name(documents: Mapping[str, tuple[type[BaseModel], ...]]) -> None:
    names = [(kind, model.__name__) for kind, models in documents.items() for model in models]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("place", sorted({place for page in PAGES for place in addresses(page)}))
def test_what_a_page_shows_is_there(place: str) -> None:
    assert shown(place) is not None
