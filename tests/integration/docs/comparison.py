"""Whether a command printed what a page states, apart from what is new in every run: names of runs, times, digests.

`...` on a line of its own stands for any lines, within a line for any text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

STAMP = re.compile(r"-\d{8}-\d{6}-[0-9a-f]{8}$")
RUN = r"[a-z0-9][a-z0-9._-]*-\d{8}-\d{6}-[0-9a-f]{8}"
NEW_EVERY_TIME = {
    "run": RUN,
    "digest": r"(?:sha256:)?[0-9a-f]{8,64}",
    "duration": r"\d+\.\d+ ?m?s\b|\d+ ms\b",
    "moment": r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|\+00:00| UTC)?|\d{2}:\d{2}:\d{2}",
    "age": r"just now|\d+ (?:s|min|h|days?) ago",
    "id": r"(?<=#)\d+",
    "any": r"\.\.\.",
    "space": r" +",
}
TOKEN = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in NEW_EVERY_TIME.items()))


def matched(stated: str, printed: str) -> dict[str, str] | None:
    """The runs that the page names with the names that they have this time; None if it is not what was stated."""
    names: list[str] = []
    found = re.fullmatch(_pattern(stated, names), _ends_trimmed(printed), re.DOTALL)
    return dict(zip(names, found.groups(), strict=True)) if found else None


def with_names(text: str, names: dict[str, str], seen: Sequence[str] = ()) -> str:
    """A command in which the page's names of runs are those of this time; `names` grows by those that are new.

    A name that the page has not stated means the last run that was `seen` of its pipeline.
    """

    def real(found: re.Match[str]) -> str:
        same_pipeline = [run for run in seen if STAMP.sub("", run) == STAMP.sub("", found[0])]
        return names.setdefault(found[0], same_pipeline[-1] if same_pipeline else found[0])

    return re.sub(RUN, real, text)


def runs_in(text: str) -> list[str]:
    """The names of runs in a text, in order."""
    return re.findall(RUN, text)


def _ends_trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())


def _pattern(stated: str, names: list[str]) -> str:
    lines = _ends_trimmed(stated).splitlines()
    return "".join(_joined(lines, lambda line: "".join(_line_pattern(line, names))))


def _joined(lines: list[str], pattern_of: Callable[[str], str]) -> Iterator[str]:
    """Lines with their breaks; a `...` line takes the break behind it into what it stands for."""
    for number, line in enumerate(lines):
        last = number == len(lines) - 1
        if line.strip() == "...":
            yield "(?:.*)" if last else r"(?:.*\n)?"
        else:
            yield pattern_of(line) + ("" if last else r"\n")


def _line_pattern(line: str, names: list[str]) -> Iterator[str]:
    position = 0
    for token in TOKEN.finditer(line):
        yield re.escape(line[position : token.start()])
        yield _token_pattern(token, names)
        position = token.end()
    yield re.escape(line[position:])


def _token_pattern(token: re.Match[str], names: list[str]) -> str:
    kind = token.lastgroup or "any"
    match kind:
        case "run" if token[0] not in names:
            names.append(token[0])
            return f"({RUN})"
        case "run":
            return rf"\{names.index(token[0]) + 1}"
        case "any":
            return r"[^\n]*"
        case "space":
            return " +"
        case _:
            return f"(?:{NEW_EVERY_TIME[kind]})"
