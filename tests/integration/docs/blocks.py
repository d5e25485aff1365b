"""Blocks: the fenced code of a page with what the page says about it. Values only; nothing is run here.

What concerns the tests stands in a comment above a block, which no reader sees:

    <!-- test: folder NAME -->     from here on in a new, empty folder of that name
    <!-- test: exit N -->          the last command of the next block ends with this code
    <!-- test: stdin TEXT -->      the last command of the next block reads this line, then the end
    <!-- test: skip REASON -->     the next block is not run
    <!-- test: instead COMMAND --> this is run in place of the next block
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^`]*)$")
DIRECTIVE = re.compile(r"^ *<!-- test: (?P<word>folder|exit|stdin|skip|instead) (?P<value>.+?) -->$")
TITLE = re.compile(r'title="(?P<title>[^"]+)"')
PROMPT, CONTINUED = "$ ", "> "


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One fenced block: `line` is that of its opening fence, `lines` are without the fence's own indent."""

    line: int
    language: str
    title: str = ""
    lines: tuple[str, ...] = ()
    indent: str = ""
    folder: str = ""
    exit_code: int = 0
    stdin: str = ""
    skip: str = ""
    instead: str = ""

    @property
    def text(self) -> str:
        """What stands in it."""
        return "".join(f"{line}\n" for line in self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command of a console block and what the page says it prints, which begins at line `at` of the block."""

    text: str
    stated: tuple[str, ...]
    at: int


def blocks(page: str) -> Iterator[Block]:
    """The blocks of a page, in order; raises ValueError for a fence that is never closed."""
    said: dict[str, str] = {}
    lines = iter(enumerate(page.splitlines(), 1))
    for number, line in lines:
        if found := DIRECTIVE.match(line):
            said[found["word"]] = found["value"]
        elif fence := FENCE.match(line):
            yield _block(number, fence, tuple(_inside(lines, number, fence["indent"])), said)
            said = {}


def _inside(lines: Iterator[tuple[int, str]], start: int, indent: str) -> Iterator[str]:
    for _, line in lines:
        if line == f"{indent}```":
            return
        yield line.removeprefix(indent)
    raise ValueError(f"the block that begins at line {start} is never closed")


def _block(number: int, fence: re.Match[str], lines: tuple[str, ...], said: dict[str, str]) -> Block:
    title = TITLE.search(fence["info"])
    return Block(
        line=number,
        language=fence["info"].split(" ")[0],
        title=title["title"] if title else "",
        lines=lines,
        indent=fence["indent"],
        folder=said.get("folder", ""),
        exit_code=int(said.get("exit", "0")),
        stdin=said.get("stdin", ""),
        skip=said.get("skip", ""),
        instead=said.get("instead", ""),
    )


def commands(block: Block) -> Iterator[Command]:
    """The commands of a console block: `$ ` begins one, `> ` continues it, the rest is what it prints."""
    if block.instead:
        yield Command(text=block.instead, stated=(), at=0)
        return
    starts = [index for index, line in enumerate(block.lines) if line.startswith(PROMPT)]
    for start, end in zip(starts, [*starts[1:], len(block.lines)], strict=True):
        first = start + 1
        while first < end and block.lines[first].startswith(CONTINUED):
            first += 1
        text = "\n".join(line[2:] for line in block.lines[start:first])
        yield Command(text=text, stated=block.lines[first:end], at=first)


def edited(text: str, diff: Block) -> str:
    """A file's text after a diff block: what it shows without `+` must stand there once; raises ValueError."""
    before = "".join(f"{line[1:]}\n" for line in diff.lines if line[:1] in ("-", " ", ""))
    after = "".join(f"{line[1:]}\n" for line in diff.lines if line[:1] in ("+", " ", ""))
    if text.count(before) != 1:
        raise ValueError(f"{diff.title} has {text.count(before)} places that read\n{before}")
    return text.replace(before, after)
