"""What is said of a version that does not exist: which ones there are, and what was probably meant. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cmcore.datasets.names import Reference
from cmcore.document.wording import did_you_mean
from cmcore.errors import NotFoundError


class Known(NamedTuple):
    """A version that there is."""

    dataset: str
    version: int
    span: int | None


def missing(reference: Reference, there: Sequence[Known]) -> NotFoundError:
    """The error that names what there is instead."""
    ours = [known for known in there if known.dataset == reference.dataset]
    if ours:
        spans = sorted({known.span for known in ours if known.span is not None})
        newest = max(known.version for known in ours)
        listed = f"versions 1 to {newest}" + (f", spans {', '.join(map(str, spans))}" if spans else "")
        return NotFoundError(f"{reference} does not exist; {reference.dataset} has {listed}")
    names = sorted({known.dataset for known in there})
    listed = f"there are {', '.join(names)}" if names else "take a first version: cm data snapshot PATH --name NAME"
    hint = did_you_mean(reference.dataset, names)
    return NotFoundError(f"there is no dataset {reference.dataset!r}; {listed}{hint}")
