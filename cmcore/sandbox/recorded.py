"""The answers that a model's folder has recorded for its own sample, and how far a server's answer is from them. Pure
but for reading the one file."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from cmcore.inference.request import InferenceResponse, flat
from cmcore.inference.sample import EXAMPLE_BYTES
from cmcore.inference.tensor import Tensor

ANSWER_FILE = "sample_answer.json"
TOLERANCE = 1e-4
SHOWN = 3

Row = Mapping[str, object]


def recorded_answers(folder: Path) -> list[Row]:
    """The rows of `sample_answer.json`, as `predictions` of MLflow's scoring server; none where there is no such file
    or it is another one."""
    path = folder / ANSWER_FILE
    try:
        if path.stat().st_size > EXAMPLE_BYTES:
            return []
        predictions = json.loads(path.read_text(encoding="utf-8"))["predictions"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return []
    rows = predictions if isinstance(predictions, list) else []
    return [row if isinstance(row, dict) else {"": row} for row in rows]


def differences(answer: InferenceResponse, expected: Sequence[Row], tolerance: float) -> list[str]:
    """Where an answer, row by row, is not what was recorded; an unnamed recorded value is the only output's."""
    found = list(_differences(answer, expected, tolerance))
    more = len(found) - SHOWN
    return [*found[:SHOWN], *([f"and {more} more"] if more > 0 else [])]


def _differences(answer: InferenceResponse, expected: Sequence[Row], tolerance: float) -> Iterator[str]:
    outputs = {tensor.name: tensor for tensor in answer.outputs}
    if len(outputs) == 1:
        outputs |= {"": answer.outputs[0]}
    for place, row in enumerate(expected):
        for name, value in row.items():
            if name not in outputs:
                yield f"the output {name!r} is recorded, and the answer has {', '.join(filter(None, outputs))}"
                continue
            wanted, got = list(flat([value])), row_of(outputs[name], place, len(expected))
            if not same(got, wanted, tolerance):
                yield f"row {place}, {outputs[name].name!r}: {said(got)} instead of the recorded {said(wanted)}"


def row_of(tensor: Tensor, place: int, rows: int) -> Sequence[object]:
    """The elements of one of so many rows."""
    size = len(tensor.data) // max(rows, 1)
    return tensor.data[place * size : (place + 1) * size]


def same(found: Sequence[object], wanted: Sequence[object], tolerance: float) -> bool:
    """Whether elements are equal, numbers within an absolute and relative tolerance."""
    return len(found) == len(wanted) and all(
        near(one, other, tolerance) for one, other in zip(found, wanted, strict=True)
    )


def near(found: object, wanted: object, tolerance: float) -> bool:
    """Whether two elements are the same."""
    if isinstance(found, bool) or isinstance(wanted, bool) or not isinstance(found, int | float):
        return found == wanted
    if not isinstance(wanted, int | float):
        return math.isnan(found) and wanted is None
    return math.isclose(found, wanted, rel_tol=tolerance, abs_tol=tolerance) or (math.isnan(found) and wanted != wanted)  # noqa: PLR0124 # NaN


def said(elements: Sequence[object]) -> str:
    """Elements in a message."""
    text = ", ".join(f"{element:.7g}" if isinstance(element, float) else str(element) for element in elements[:8])
    return text if len(elements) <= 8 else f"{text}, ... ({len(elements)})"
