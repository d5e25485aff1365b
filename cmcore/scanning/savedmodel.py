"""TensorFlow's SavedModel: a graph in which some operations read and write files or call Python."""

from __future__ import annotations

from collections.abc import Iterator

from cmcore.scanning.budget import MIB, Budget
from cmcore.scanning.finding import Danger, Peril
from cmcore.scanning.source import Source

FILE_NAME = "saved_model.pb"
OPERATIONS = (
    "EagerPyFunc", "LoadDataset", "MatchingFiles", "PyFunc", "PyFuncStateless", "ReadFile", "SaveDataset",
    "SaveDatasetV2", "WriteFile",
)  # fmt: skip
CHUNK_BYTES, OVERLAP_BYTES = 4 * MIB, 64


def perils(source: Source, budget: Budget) -> Iterator[Peril]:
    """Operations of its graphs that reach outside of it, found by how a node names its operation."""
    encoded = {name: b"\x12" + bytes([len(name)]) + name.encode() for name in OPERATIONS}
    for at in range(0, source.size, CHUNK_BYTES):
        budget.check_time()
        chunk = source.read(at, CHUNK_BYTES + OVERLAP_BYTES)
        for name, node in encoded.items():
            if node in chunk:
                yield Peril(danger=Danger.CODE, what=f"a TensorFlow graph with the operation {name}")
