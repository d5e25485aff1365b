"""Writing to the terminal: JSON, tables, pairs. What is written has been decided before."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click
from pydantic import JsonValue

from cmcore.cli.view.wording import one_line

if TYPE_CHECKING:
    from rich.text import Text

UNLIMITED_WIDTH = 100_000  # nobody wants lines broken in a pipe


def echo_json(value: object, *, indent: int | None = 2) -> None:
    """One JSON document; NaN and infinities as texts, because JSON has none."""
    click.echo(json.dumps(finite(value), indent=indent, ensure_ascii=False))


def finite(value: object) -> JsonValue:
    """The value with every non-finite number as its name."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case Mapping():
            return {str(key): finite(item) for key, item in value.items()}
        case list() | tuple():
            return [finite(item) for item in value]
        case _:
            return str(value)


Cell = str | tuple[str, str]
"""A text, or a text and its style."""


def echo_table(headings: Sequence[str], rows: Sequence[Sequence[Cell]], *, indent: int = 0) -> None:
    """Rows in aligned columns; in a pipe no line is broken or cut."""
    for line in table_lines(headings, rows, indent=indent):
        click.echo(line)


def table_lines(headings: Sequence[str], rows: Sequence[Sequence[Cell]], *, indent: int = 0) -> list[str]:
    """Rows in aligned columns, as lines for this terminal or pipe."""
    from rich.console import Console
    from rich.table import Table

    piped = not sys.stdout.isatty()
    context = click.get_current_context(silent=True)
    plain = piped or (context is not None and context.color is False)
    width = UNLIMITED_WIDTH if piped else Console().width - indent
    console = Console(highlight=False, width=width, no_color=plain, force_terminal=not piped)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="" if plain else "bold", show_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold", no_wrap=piped)
    for row in rows:
        table.add_row(*(_text(cell) for cell in row))
    with console.capture() as captured:
        console.print(table)
    return [f"{' ' * indent}{line}".rstrip() for line in captured.get().splitlines()]


def _text(cell: Cell) -> Text:
    from rich.text import Text

    text, style = (cell, "") if isinstance(cell, str) else cell
    return Text(one_line(text, 2000), style=style)


def echo_pairs(pairs: Mapping[str, str], *, indent: str = "") -> None:
    """Names and values, one pair a line; pairs without a value are left out."""
    width = max(map(len, pairs), default=0)
    for name, value in pairs.items():
        if value:
            click.echo(f"{indent}{click.style(name.ljust(width), fg='bright_black')}  {value}")


def heading(text: str) -> None:
    """A heading above what follows."""
    click.echo(f"\n{click.style(text, bold=True)}")
