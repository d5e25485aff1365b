"""Rows as people give them: a JSON list, JSON lines or CSV, from a file or standard input. No model is known here."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cmcore.errors import UsageError

ROWS_BYTES_MAX = 50_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenRows:
    """Rows by column; `texts` where every value is a text, as in CSV."""

    rows: list[dict[str, object]]
    texts: bool = False


def rows_in(file: str) -> GivenRows:
    """The rows in a file, `-` being standard input; raises UsageError."""
    try:
        if file == "-":
            content = sys.stdin.buffer.read(ROWS_BYTES_MAX + 1)
        else:
            with Path(file).open("rb") as stream:
                content = stream.read(ROWS_BYTES_MAX + 1)
        if len(content) > ROWS_BYTES_MAX:
            raise UsageError(f"{file} has more than {ROWS_BYTES_MAX:,} bytes; predict for files with BatchPredictor")
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is no text in UTF-8: {error.reason} at byte {error.start}") from error
    return rows_of(text, file)


def rows_of(text: str, source: str) -> GivenRows:
    """The rows that a text holds, told apart by how it begins; raises UsageError."""
    start = text.lstrip()[:1]
    if start == "[":
        return GivenRows(rows=objects(parsed(text, source), source))
    if start == "{":
        try:
            return GivenRows(rows=objects([json.loads(text)], source))
        except (ValueError, RecursionError):
            lines = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
            return GivenRows(rows=objects([parsed(line, f"{source}:{number}") for number, line in lines], source))
    return GivenRows(rows=csv_rows(text, source), texts=True)


def parsed(text: str, source: str) -> object:
    """JSON; raises UsageError with the place."""
    try:
        found: object = json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(
            f"{source} is no JSON: {error.msg} at line {error.lineno}, column {error.colno}; rows are a list of "
            "objects, an object on each line, or CSV with a header"
        ) from error
    except RecursionError as error:
        raise UsageError(f"{source} nests too deep for rows") from error
    return found


def objects(found: object, source: str) -> list[dict[str, object]]:
    """A list of objects; raises UsageError."""
    if not isinstance(found, list):
        raise UsageError(f"{source} holds no list of rows")
    for number, row in enumerate(found, start=1):
        if not isinstance(row, dict):
            raise UsageError(
                f"{source}, row {number}: a row is an object, column by column, found {json.dumps(row)[:60]}"
            )
    return found


def csv_rows(text: str, source: str) -> list[dict[str, object]]:
    """The rows below the header of CSV; raises UsageError."""
    reader = csv.DictReader(io.StringIO(text), strict=True)
    rows: list[dict[str, object]] = []
    try:
        header = reader.fieldnames or []
        if twice := [name for name in dict.fromkeys(header) if header.count(name) > 1]:
            raise UsageError(f"{source}, line 1: the header has {', '.join(map(repr, twice))} more than once")
        if len(header) == 1 and (blank := next(blank_lines(text), 0)):
            raise UsageError(f'{source}, line {blank}: it is empty; an empty text is written as ""')
        for row in reader:
            if None in row or None in row.values():
                raise UsageError(f"{source}, line {reader.line_num}: it has not as many cells as the header")
            rows.append(dict(row))
    except csv.Error as error:
        raise UsageError(f"{source}, line {reader.line_num}: {error}") from error
    return rows


def blank_lines(text: str) -> Iterator[int]:
    """The numbers of the lines of CSV that are empty, but for those at the end: Python's reader passes them over. What
    is no CSV ends them."""
    lines = csv.reader(io.StringIO(text.rstrip("\r\n")), strict=True)
    with suppress(csv.Error):
        yield from (lines.line_num for cells in lines if not cells)
