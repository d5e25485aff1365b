"""Which split a row belongs to: a stable hash of its text, cut into weighted buckets. Knows no files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import polars as pl

from cmcore_tabular.errors import TabularError

UNIT_SEPARATOR = "\x1f"
MISSING = "\x00"


def bucket_table(weights: Mapping[str, int]) -> tuple[str, ...]:
    """One split name per bucket, names sorted, so that the order in a document does not matter."""
    if not weights:
        raise TabularError("splits: none given; for example {train: 2, eval: 1}")
    for name, weight in weights.items():
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name):
            raise TabularError(f"splits: {name!r} cannot name a folder; use letters, digits, '-' and '_'")
        if isinstance(weight, bool) or not isinstance(weight, int) or weight < 1:
            raise TabularError(f"splits: {name} has weight {weight!r}; use a whole number from 1 on")
    return tuple(name for name in sorted(weights) for _ in range(weights[name]))


def assign_buckets(rows: pl.DataFrame, key: Sequence[str], bucket_count: int) -> npt.NDArray[np.int64]:
    """The bucket of each row: BLAKE2b of the text of its key columns (the whole row where none are given).

    Depends on nothing but that text: not on order, file, machine or library version.
    """
    columns = [pl.col(name).fill_null(MISSING) for name in (key or rows.columns)]
    texts = rows.select(pl.concat_str(columns, separator=UNIT_SEPARATOR)).to_series().to_list()
    digests = b"".join(blake2b(text.encode(), digest_size=8).digest() for text in texts)
    numbers = np.frombuffer(digests, dtype=">u8")
    return (numbers % np.uint64(bucket_count)).astype(np.int64)
