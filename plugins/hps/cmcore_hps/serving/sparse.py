"""Sparse model folders as HugeCTR writes them: `key` (int64) and `emb_vector` (float32), one vector per key.

They are read in order of their keys and in bounded memory, however large they are.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cmcore.errors import UsageError

Keys = NDArray[np.uint64]
Vectors = NDArray[np.float32]

KEY_FILE, VECTOR_FILE = "key", "emb_vector"
KEYS_AT_ONCE = 4_000_000
BATCH_BYTES = 16 * 2**20
SAMPLE = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SparseFolder:
    """A checked sparse model: `rows` keys with vectors of `width` numbers; keys are signed, here seen as unsigned."""

    folder: Path
    rows: int
    width: int

    def digest(self) -> str:
        """SHA-256 over both files."""
        whole = hashlib.sha256()
        for name in (KEY_FILE, VECTOR_FILE):
            with (self.folder / name).open("rb") as file:
                whole.update(hashlib.file_digest(file, "sha256").digest())
        return whole.hexdigest()

    def batches(self, keys_at_once: int = KEYS_AT_ONCE) -> Iterator[tuple[Keys, Vectors]]:
        """Keys and their vectors, ascending over all batches; raises UsageError for a key that is there twice, and for
        numbers that are not finite."""
        keys = np.memmap(self.folder / KEY_FILE, np.uint64, "r")
        vectors = np.memmap(self.folder / VECTOR_FILE, np.float32, "r").reshape(self.rows, self.width)
        rows_at_once = max(1, BATCH_BYTES // (4 * self.width + 8))
        for places in self._ascending(keys, keys_at_once):
            ordered = np.asarray(keys[places])
            self._refuse_twice(ordered)
            for start in range(0, len(places), rows_at_once):
                part = places[start : start + rows_at_once]
                gathered = np.asarray(vectors[part])
                self._refuse_not_finite(gathered, ordered[start : start + rows_at_once])
                yield ordered[start : start + rows_at_once], gathered

    def _ascending(self, keys: Keys, at_once: int) -> Iterator[NDArray[np.int64]]:
        """Places of the keys in their order, some at a time: each pass takes those in one range of values."""
        passes = math.ceil(self.rows / at_once)
        sample = np.sort(keys[:: max(1, self.rows // SAMPLE)])
        bounds = [sample[len(sample) * each // passes] for each in range(1, passes)]
        for low, high in zip([np.uint64(0), *bounds], [*bounds, None], strict=True):
            places = np.concatenate(
                [
                    start + np.flatnonzero((part >= low) & ((part < high) if high is not None else True))
                    for start in range(0, self.rows, at_once)
                    for part in [keys[start : start + at_once]]
                ]
            )
            yield places[np.argsort(keys[places])]

    def _refuse_twice(self, ordered: Keys) -> None:
        twice = ordered[1:][ordered[1:] == ordered[:-1]]
        if len(twice):
            told = ", ".join(map(str, np.unique(twice)[:5].view(np.int64)))
            raise UsageError(f"{self.folder / KEY_FILE} has keys more than once: {told}; each has one vector")

    def _refuse_not_finite(self, vectors: Vectors, keys: Keys) -> None:
        wrong = ~np.isfinite(vectors).all(axis=1)
        if wrong.any():
            told = ", ".join(map(str, keys[wrong][:5].view(np.int64)))
            raise UsageError(f"{self.folder / VECTOR_FILE} has numbers that are not finite, for the keys {told}")


def sparse_folder(folder: Path) -> SparseFolder:
    """The sparse model that a folder is, by the sizes of its files; raises UsageError where they do not fit."""
    try:
        key_bytes, vector_bytes = ((folder / name).stat().st_size for name in (KEY_FILE, VECTOR_FILE))
    except OSError as error:
        raise UsageError(
            f"{folder} is no sparse model: it has the files {KEY_FILE!r} and {VECTOR_FILE!r} ({error.strerror}: "
            f"{error.filename})"
        ) from error
    rows, rest = divmod(key_bytes, 8)
    if rest or not rows:
        raise UsageError(f"{folder / KEY_FILE} has {key_bytes:,} bytes, which is no number of int64 keys above none")
    width, rest = divmod(vector_bytes, 4 * rows)
    if rest or not width:
        raise UsageError(
            f"{folder / VECTOR_FILE} has {vector_bytes:,} bytes for {rows:,} keys, which is no whole number of float32 "
            "for each; keys and vectors are one to one"
        )
    return SparseFolder(folder=folder, rows=rows, width=width)
