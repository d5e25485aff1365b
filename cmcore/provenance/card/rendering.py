"""A card as Markdown (with the metadata that Hugging Face reads), as one HTML page, as JSON; the schema of that.

The same card always gives the same bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from pydantic import JsonValue

from cmcore.document.write import dump
from cmcore.provenance.card.card import Card, Metric, Slice, missing

TEMPLATES = Path(__file__).parent / "templates"
METRICS_IN_SLICES = 5
PLOT_WIDTH = 150
VALUE_SHOWN = 120
SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#])")


class Format(StrEnum):
    """How a card is written."""

    MARKDOWN = "md"
    HTML = "html"
    JSON = "json"
    SCHEMA = "schema"


def rendered(card: Card, form: Format) -> str:
    """The card in one format; of SCHEMA the JSON Schema of every card's JSON."""
    match form:
        case Format.MARKDOWN:
            return _environment().get_template("card.md.j2").render(**_values(card), front=front_matter(card))
        case Format.HTML:
            return _environment().get_template("card.html.j2").render(**_values(card))
        case Format.JSON:
            return card.model_dump_json(indent=2) + "\n"
        case Format.SCHEMA:
            return json.dumps(Card.model_json_schema(), indent=2) + "\n"


def front_matter(card: Card) -> str:
    """The YAML that Hugging Face reads at the top of a model card: license, library, data, metrics, results."""
    details = card.model_details
    results: list[JsonValue] = [
        {"type": each.name, "value": each.value} for each in card.evaluation.metrics if each.value is not None
    ]
    task: dict[str, JsonValue] = {"type": "other"}
    dataset: dict[str, JsonValue] = {"type": "other", "name": card.evaluation.artifact or "evaluation data"}
    index: list[JsonValue] = [
        {"name": details.name, "results": [{"task": task, "dataset": dataset, "metrics": results}]}
    ]
    found: dict[str, JsonValue] = {
        "license": details.license,
        "library_name": next((each for each in details.flavors if each != "python_function"), ""),
        "tags": [*details.tags],
        "datasets": [each.uri for each in card.training_data.sources],
        "metrics": [each.name for each in card.evaluation.metrics],
        "model-index": index if results else [],
    }
    return dump({key: value for key, value in found.items() if value}) if any(found.values()) else ""


def _values(card: Card) -> dict[str, object]:
    return {"card": card, "missing": missing(card), "slices": slice_tables(card)}


def slice_tables(card: Card) -> list[dict[str, object]]:
    """Slices grouped by the columns that choose them, with the first few metrics that any of them has."""
    groups: dict[str, list[Slice]] = {}
    for each in card.evaluation.slices:
        groups.setdefault(", ".join(each.of), []).append(each)
    return [slice_table(of, found) for of, found in groups.items()]


def slice_table(of: str, found: list[Slice]) -> dict[str, object]:
    """One group of slices."""
    known = {metric.name for each in found for metric in each.metrics if metric.value is not None}
    names = sorted(known)[:METRICS_IN_SLICES]
    rows = []
    for each in found:
        by_name = {metric.name: metric for metric in each.metrics}
        metrics = [by_name.get(name) for name in names]
        rows.append({"name": ", ".join(each.of.values()), "rows": each.rows, "metrics": metrics})
    return {"of": of, "metrics": names, "rows": rows}


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=select_autoescape(enabled_extensions=("html.j2",)),
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    environment.filters.update(
        number=number, size=size, value=value, cell=cell, prose=prose, interval=interval, plot=plot, pairs=pairs
    )
    return environment


def number(found: float | None) -> str:
    """A number for the eye: four significant digits, a dash for none."""
    if found is None:
        return "-"
    if found == int(found) and abs(found) < 1e15:
        return f"{int(found):,}"
    return f"{found:.4g}"


def interval(metric: Metric) -> str:
    """The bounds of a metric's confidence interval; empty where they are not known."""
    return "" if metric.low is None or metric.high is None else f"{number(metric.low)} to {number(metric.high)}"


def size(count: int) -> str:
    """`331 kB`, `1.2 MB`."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return f"{count / scale:.3g} {unit}"
    return f"{count} B"


def value(found: JsonValue) -> str:
    """A parameter's value, a text as it is, anything else as JSON; the beginning of a long one."""
    text = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)
    return text if len(text) <= VALUE_SHOWN else f"{text[: VALUE_SHOWN - 1]}…"


def pairs(found: Mapping[str, JsonValue]) -> str:
    """`rows = 3, span = 1`."""
    return ", ".join(f"{name} = {value(each)}" for name, each in found.items())


def cell(text: object) -> str:
    """A text inside a Markdown table: one line, nothing of it markup."""
    return SPECIAL.sub(r"\\\1", " ".join(str(text).split()))


def prose(text: str) -> str:
    """What people wrote, in their own Markdown; no HTML in it."""
    return text.replace("<", "&lt;")


def plot(metric: Metric, among: Iterable[Metric]) -> dict[str, float] | None:
    """Where an interval and its value lie on a line that shows all of them, in pixels; None without an interval."""
    bounds = [bound for each in among for bound in (each.low, each.high, each.value) if bound is not None]
    if metric.low is None or metric.high is None or metric.value is None:
        return None
    low, high = min([*bounds, 0.0]), max([*bounds, 0.0])
    scale = PLOT_WIDTH / ((high - low) or 1.0)
    at = {"low": metric.low, "high": metric.high, "value": metric.value, "zero": 0.0}
    return {name: round((found - low) * scale, 1) for name, found in at.items()}
