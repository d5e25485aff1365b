"""Which files belong to which span: patterns with `{span}` and expressions such as "1..12". Reads no data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import translate

from cmcore_tabular.errors import TabularError

PLACEHOLDER = "{span}"
NO_SPAN = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanFiles:
    """The files of one span, sorted; paths are relative to the imported folder."""

    span: int
    files: tuple[str, ...]


def pattern_regex(pattern: str) -> re.Pattern[str]:
    """A glob in which `{span}` stands for one number, as a regular expression with a group `span`."""
    if pattern.count(PLACEHOLDER) > 1:
        raise TabularError(f"pattern {pattern!r} has {PLACEHOLDER} more than once; write it once, '*' elsewhere")
    head, found, tail = pattern.partition(PLACEHOLDER)
    middle = r"(?P<span>[0-9]+)" if found else ""
    return re.compile(_glob(head) + middle + _glob(tail))


def _glob(text: str) -> str:
    expression = translate(text)
    return expression.removeprefix("(?s:").removesuffix(r")\Z")


def group_by_span(names: Iterable[str], pattern: str) -> dict[int, SpanFiles]:
    """The files that match the pattern, by span; without `{span}` in it all are span 0."""
    regex = pattern_regex(pattern)
    found: dict[int, list[str]] = {}
    for name in names:
        if match := regex.fullmatch(name):
            span = int(match.group("span")) if "span" in regex.groupindex else NO_SPAN
            found.setdefault(span, []).append(name)
    return {span: SpanFiles(span=span, files=tuple(sorted(files))) for span, files in sorted(found.items())}


def choose_spans(expression: str, available: Mapping[int, SpanFiles]) -> list[SpanFiles]:
    """The spans that an expression asks for: "all", "latest", "7", "1..12" and lists of them with commas.

    Raises TabularError naming what is missing: a gap in a range is a missing delivery, not a detail.
    """
    if not available:
        raise TabularError(f"spans {expression!r}: no file matches the pattern")
    wanted = sorted({span for part in expression.split(",") for span in _part(part.strip(), expression, available)})
    if missing := [span for span in wanted if span not in available]:
        raise TabularError(
            f"spans {expression!r}: no file for span {', '.join(map(str, missing))}; "
            f"found: {', '.join(map(str, available))}"
        )
    return [available[span] for span in wanted]


def _part(part: str, expression: str, available: Mapping[int, SpanFiles]) -> Iterable[int]:
    if part == "all":
        return available
    if part == "latest":
        return [max(available)]
    if re.fullmatch(r"[0-9]+", part):
        return [int(part)]
    if (match := re.fullmatch(r"([0-9]+)\.\.([0-9]+)", part)) and int(match[1]) <= int(match[2]):
        return range(int(match[1]), int(match[2]) + 1)
    raise TabularError(
        f"spans {expression!r}: cannot read {part!r}; write 7, 1..12, latest, all, or a list with commas"
    )
