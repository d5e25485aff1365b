"""Which rows a slice holds: one per combination of values of its columns, the largest first. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from cmcore_tabular.errors import TabularError
from cmcore_tabular.evaluation.intervals import Truth

MISSING = "(missing)"


def slice_columns(slices: Sequence[str]) -> list[list[str]]:
    """The columns of each slice: "carrier", or several with commas, "origin,carrier"."""
    return [[name.strip() for name in entry.split(",")] for entry in slices]


def slice_rows(
    rows: pl.DataFrame, columns: Sequence[str], limit: int
) -> tuple[list[tuple[dict[str, str], Truth]], int]:
    """The largest slices with the rows of each, and how many slices were left out."""
    if unknown := [name for name in columns if name not in rows.columns]:
        raise TabularError(f"slices: no column {', '.join(unknown)}; columns: {', '.join(rows.columns)}")
    texts = rows.select(pl.col(name).cast(pl.String).fill_null(MISSING) for name in columns)
    counted = texts.group_by(columns).len().sort(["len", *columns], descending=[True, *(False for _ in columns)])
    return list(_masks(texts, counted.head(limit), columns)), max(0, counted.height - limit)


def _masks(texts: pl.DataFrame, chosen: pl.DataFrame, columns: Sequence[str]) -> Iterator[tuple[dict[str, str], Truth]]:
    for values in chosen.select(columns).iter_rows():
        mask = np.ones(texts.height, dtype=np.bool_)
        for name, value in zip(columns, values, strict=True):
            mask &= (texts[name] == value).to_numpy()
        yield dict(zip(columns, values, strict=True)), mask
