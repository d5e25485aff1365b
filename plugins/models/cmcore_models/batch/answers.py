"""Asking a predictor for a batch of rows: bad rows are found one by one, and answered with null or named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from cmcore.inference.interface import Interface
from cmcore.serving.predictor import Predictor
from cmcore_models.batch.columns import Array, Mask, column_of, faulty, output_field, tensor_of
from cmcore_models.errors import BatchError

SHOWN = 200
TELLING = 16  # so many rows of one batch, all of which fail, tell of the model and not of the rows
Place = Callable[[int], str]


@dataclass(kw_only=True)
class BadRows:
    """The bad rows so far; `place` names a row of the batch at hand. The first one ends it all unless `allowed`."""

    allowed: bool
    place: Place = str
    count: int = 0
    first: str = ""

    def add(self, row: int, reason: str) -> None:
        """Count one; raises BatchError where none is allowed."""
        told = f"{self.place(row)}: {reason}"
        if not self.allowed:
            raise BatchError(f"{told}. Mend the row, or ask for on_bad_row: null")
        self.count += 1
        self.first = self.first or told


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """A predictor with its interface."""

    predictor: Predictor
    interface: Interface
    bad: BadRows = field(default_factory=lambda: BadRows(allowed=False))

    def columns(self, batch: pa.RecordBatch) -> list[pa.Array]:
        """The answers for a batch, one column per output; raises BatchError."""
        good = np.ones(batch.num_rows, dtype=np.bool_)
        tensors = {}
        for spec in self.interface.inputs:
            if spec.name in batch.schema.names:
                column = batch.column(spec.name)
                tensors[spec.name], bad = tensor_of(column, spec)
                for row in np.flatnonzero(bad & good):
                    self.bad.add(int(row), f"column {spec.name!r} has {shown(column[int(row)])}, not {spec.datatype}")
                good &= ~bad
        rows = np.flatnonzero(good)
        asked = tensors if good.all() else {name: array[rows] for name, array in tensors.items()}
        answers = self._answers(asked, rows)
        good[rows[faulty_rows(answers)]] = False
        return [self._column(answers, spec.name, rows, good) for spec in self.interface.outputs]

    def _answers(self, tensors: Mapping[str, Array], rows: np.ndarray[tuple[int], np.dtype[np.intp]]) -> Answers:
        """The answers for rows; those that the model raises for are left out and counted."""
        if not len(rows):
            return Answers(parts=[], bad=np.zeros(0, dtype=np.bool_))
        found: list[Mapping[str, Array]] = []
        bad = np.zeros(len(rows), dtype=np.bool_)
        waiting = [(0, len(rows))]
        while waiting:
            first, stop = waiting.pop()
            try:
                answer = self.predictor.predict({name: array[first:stop] for name, array in tensors.items()})
            except Exception as error:  # the border: a predictor may raise anything
                if stop - first == 1:
                    self.bad.add(int(rows[first]), f"the model raised {type(error).__name__}: {shown(error)}")
                    bad[first] = True
                else:
                    middle = (first + stop) // 2
                    waiting += [(middle, stop), (first, middle)]
                if bad.all() and len(bad) >= TELLING:
                    raise BatchError(
                        f"{self.bad.place(int(rows[0]))}: the model raised for every one of {len(rows)} rows, so that "
                        f"it is not the rows that are bad: {type(error).__name__}: {shown(error)}"
                    ) from error
                continue
            wrong = faulty(answer, self.interface, stop - first)
            for row in np.flatnonzero(wrong):
                self.bad.add(int(rows[first + row]), f"the model answered {told(answer, int(row))}, which is no number")
            bad[first:stop] = wrong
            found.append({name: array[~wrong] for name, array in answer.items()} if wrong.any() else answer)
        return Answers(parts=found, bad=bad)

    def _column(
        self, answers: Answers, name: str, rows: np.ndarray[tuple[int], np.dtype[np.intp]], good: Mask
    ) -> pa.Array:
        spec = self.interface.output(name)
        parts = [part[name] for part in answers.parts if len(part[name])]
        if not parts:
            return pa.nulls(len(good), output_field(spec).type)
        return column_of(parts[0] if len(parts) == 1 else np.concatenate(parts), spec, good)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """The answers for the rows that have one, in parts; `bad` says which rows have none."""

    parts: list[Mapping[str, Array]]
    bad: Mask


def faulty_rows(answers: Answers) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """The rows without an answer."""
    return np.flatnonzero(answers.bad)


def told(answer: Mapping[str, Array], row: int) -> str:
    """The floats of one row of an answer."""
    return ", ".join(f"{name} {array[row].tolist()}" for name, array in answer.items() if array.dtype.kind == "f")


def shown(value: object) -> str:
    """A value in a message, cut where it would fill the screen."""
    text = str(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
