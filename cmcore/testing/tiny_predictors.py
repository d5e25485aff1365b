"""Tiny models to try a model server with. This one file imports nothing of cmcore: a server may get a copy of it.

A `tiny.json` in the model's folder may say `refuses` (why it cannot be loaded) and `loads_for_s` (how long it takes).
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path

import numpy

Array = numpy.ndarray[tuple[int, ...], numpy.dtype[numpy.generic]]
TINY_FILE = "tiny.json"
RAISES, MISSHAPES, NO_NUMBER, SLEEPS = "raise!", "misshape!", "nan!", "sleep!"


def doubling(folder: Path, settings: Mapping[str, object]) -> Doubling:
    """`x` FP32 [rows, 2] comes back doubled as `y`."""
    begin(Path(folder), settings)
    return Doubling()


def echo(folder: Path, settings: Mapping[str, object]) -> Echo:
    """Every input comes back with `same_` before its name."""
    begin(Path(folder), settings)
    return Echo()


def moody(folder: Path, settings: Mapping[str, object]) -> Moody:
    """How long texts are, and moods that certain texts bring about."""
    begin(Path(folder), settings)
    return Moody()


def begin(folder: Path, settings: Mapping[str, object]) -> None:
    """What `tiny.json` says happens at loading; raises KeyError where the settings say less than they should."""
    for key in ("inputs", "outputs", "batched", "threads"):
        settings[key]
    file = folder / TINY_FILE
    told = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    time.sleep(float(told.get("loads_for_s", 0)))
    if told.get("refuses"):
        raise RuntimeError(str(told["refuses"]))


class Doubling:
    """Twice the input."""

    def predict(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """`y` is twice `x`."""
        return {"y": numpy.asarray(inputs["x"], dtype=numpy.float32) * numpy.float32(2)}


class Echo:
    """The input itself."""

    def predict(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """The same arrays."""
        return {f"same_{name}": array for name, array in inputs.items()}


class Moody:
    """`length` FP32 is the number of characters of `text` plus `bias` FP32 and `half` FP16, which may be missing.

    `together` INT64 is how many rows this call had. The text `raise!` raises, `misshape!` gives one column too many,
    `nan!` is NaN long, `sleep!0.5` takes half a second.
    """

    def predict(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """The lengths, in whatever mood the texts bring about."""
        texts = [text_of(each) for each in inputs["text"].ravel()]
        time.sleep(max([0.0, *(float(text.removeprefix(SLEEPS)) for text in texts if text.startswith(SLEEPS))]))
        if RAISES in texts:
            raise ValueError(f"no length of {RAISES!r} can be told")
        lengths = [float("nan") if text == NO_NUMBER else float(len(text)) for text in texts]
        length = numpy.asarray(lengths, dtype=numpy.float32).reshape(-1, 1)
        for name in ("bias", "half"):
            if name in inputs:
                length = length + numpy.asarray(inputs[name], dtype=numpy.float32)
        if MISSHAPES in texts:
            length = numpy.concatenate([length, length], axis=1)
        return {"length": length, "together": numpy.full((len(texts), 1), len(texts), dtype=numpy.int64)}


def text_of(element: object) -> str:
    """An element of an array of BYTES as text."""
    return element.decode() if isinstance(element, bytes) else str(element)
