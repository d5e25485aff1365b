"""Looks at one source in every way that might apply, because one file can be several things at once.

The modules beside this one know the formats; which of them apply, and what lies inside, is put together here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from cmcore.scanning import arrays, compressed, formats, keras, mlmodel, onnx, savedmodel, skops, tars, tensors, zips
from cmcore.scanning.budget import Budget, DamagedError, TooMuchError
from cmcore.scanning.finding import Danger, Peril
from cmcore.scanning.gadgets import brings_functions, gadgets
from cmcore.scanning.pickles import NAMES_TOLD, Trace, traced
from cmcore.scanning.search import embedded
from cmcore.scanning.source import Source

TAIL_BYTES = 64
PICKLES_MAX = 100
ZIP_KINDS = ((skops.SCHEMA_FILE, "skops"), (keras.CONFIG_FILE, "keras"), ("data.pkl", "torch"), (".npy", "npz"))


@dataclass(slots=True)
class Look:
    """What was found out about a source: its format, empty while unknown, perils, and notes for people."""

    format: str = ""
    perils: list[Peril] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def take(self, found: Peril | str | Look, source: Source) -> None:
        """Add a finding about the source, or all of those about one inside it."""
        if isinstance(found, Look):
            self.perils += found.perils
            self.notes += found.notes
        elif isinstance(found, Peril):
            where = "!".join(filter(None, (source.name, found.where)))
            self.perils.append(Peril(danger=found.danger, what=found.what, where=where))
        else:
            self.notes.append(found)


def examined(source: Source, budget: Budget) -> Look:
    """Everything about a source; what cannot be looked into within the budget is itself a peril."""
    look = Look()
    try:
        budget.descend(source.depth)
        for name, found in _found(source, budget):
            look.format = look.format or name
            if found is not None:
                look.take(found, source)
    except TooMuchError as error:
        look.take(Peril(danger=Danger.HOSTILE, what=f"cannot be looked through: {error}"), source)
    except DamagedError as error:
        look.take(Peril(danger=Danger.HOSTILE, what=str(error)), source)
    look.format = look.format or formats.text_format(source) or ("empty" if source.size == 0 else "unknown")
    return look


Found = tuple[str, Peril | str | Look | None]


def _found(source: Source, budget: Budget) -> Iterator[Found]:
    """(format, finding), one after the other: cheap looks first, so that a bomb cannot hide what stands beside it."""
    first = _pickles_in_front(source, budget)
    yield from (("pickle", peril) for trace in first for peril in _of_pickle(trace))
    name, perils = formats.by_opening(source)
    yield name, None
    yield from ((name, peril) for peril in perils)
    yield from (("code", peril) for peril in formats.by_name(source))
    yield from _special(source, budget)
    yield from _containers(source, budget)
    others = embedded(source, budget, after=first[-1].end - 1 if first else 0) if source.fresh else ()
    yield from (("", peril) for trace in others for peril in _of_pickle(trace))


def _pickles_in_front(source: Source, budget: Budget) -> list[Trace]:
    """The pickles with which it begins: there may be one after the other, as torch once wrote them."""
    traces: list[Trace] = []
    offset = 0
    while offset < source.size and len(traces) < PICKLES_MAX:
        trace = traced(source.stream, offset, source.size, budget)
        if not trace.is_pickle(source.read(trace.end, TAIL_BYTES)):
            break
        traces.append(trace)
        if not trace.complete:
            break
        offset = trace.end
    return traces


def _of_pickle(trace: Trace) -> Iterator[Peril]:
    where = f" at byte {trace.start}" if trace.start else ""
    named = gadgets(trace)
    if named:
        what = f"a pickle{where} that imports {', '.join(named[:NAMES_TOLD])}, which no model needs"
    else:
        what = trace.told + where
    yield Peril(danger=Danger.HOSTILE if named else Danger.PICKLE, what=what)
    if brings_functions(trace):
        yield Peril(danger=Danger.CODE, what=f"a pickle{where} that brings functions along")


def _special(source: Source, budget: Budget) -> Iterator[Found]:
    """Formats of models."""
    if source.head.startswith(arrays.MAGIC):
        yield "npy", None
        yield from (("npy", peril) for peril in arrays.perils(source))
    if tensors.is_safetensors(source):
        yield "safetensors", None
        yield from (("safetensors", peril) for peril in tensors.perils(source))
    if keras.is_hdf5(source):
        yield "hdf5", None
        yield from (("hdf5", peril) for peril in keras.in_hdf5(source, budget))
    if source.file_name == mlmodel.FILE_NAME:
        yield "mlmodel", None
        yield from (("mlmodel", peril) for peril in mlmodel.perils(source))
    if source.file_name == savedmodel.FILE_NAME:
        yield "savedmodel", "a TensorFlow graph"
        yield from (("savedmodel", peril) for peril in savedmodel.perils(source, budget))
    elif onnx.is_onnx(source, budget):
        yield "onnx", None
        yield from (("onnx", found) for found in onnx.looked(source, budget))


def _containers(source: Source, budget: Budget) -> Iterator[Found]:
    """What lies inside."""
    if zips.is_zip(source):
        yield from _in_zip(source, budget)
    if tars.is_tar(source):
        yield "tar", None
        for inner in tars.walked(source, budget):
            yield "tar", examined(inner, budget) if isinstance(inner, Source) else inner
    if name := compressed.compression(source):
        with source.expanded(name, compressed.expanded(source, name), budget) as inner:
            yield name, examined(inner, budget)


def _in_zip(source: Source, budget: Budget) -> Iterator[Found]:
    archive = zips.opened(source, budget)
    names = archive.namelist()
    kind = next((kind for name, kind in ZIP_KINDS if any(each.endswith(name) for each in names)), "zip")
    yield from ((kind, peril) for peril in [None, *zips.perils(archive)])
    for inner in zips.entries(source, archive, budget):
        if inner.file_name == keras.CONFIG_FILE:
            yield from ((kind, _named(peril, inner)) for peril in keras.in_config(inner))
        elif inner.file_name == skops.SCHEMA_FILE:
            yield from (
                (kind, found if isinstance(found, str) else _named(found, inner)) for found in skops.looked(inner)
            )
        yield kind, examined(inner, budget)


def _named(peril: Peril, inner: Source) -> Peril:
    return Peril(danger=peril.danger, what=peril.what, where=inner.file_name)
