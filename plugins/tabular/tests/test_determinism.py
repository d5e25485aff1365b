"""Equal inputs and parameters give equal bytes, for every component; nothing tells where or when it ran."""

from __future__ import annotations

import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Protocol

import pytest


class Folders(Protocol):
    folder: Path


AGAIN = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from cmcore.artifacts import Files
from conftest import run_chain
run_chain(Files.at(sys.argv[2]), Path(sys.argv[3]))
"""


OUTPUTS = [
    "examples", "statistics", "schema", "anomalies", "graph", "transformed", "model", "evaluation", "blessing",
]  # fmt: skip


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize("output", OUTPUTS)
def test_equal_inputs_give_equal_bytes(chain: Folders, second_chain: Folders, output: str) -> None:
    assert digests(chain.folder / output) == digests(second_chain.folder / output) != {}


@pytest.mark.parametrize("output", OUTPUTS)
def test_no_payload_tells_where_it_was_made(chain: Folders, output: str) -> None:
    place = str(chain.folder).encode()
    assert [
        path.name for path in (chain.folder / output).rglob("*") if path.is_file() and place in path.read_bytes()
    ] == []


@pytest.mark.integration
def test_another_process_gives_equal_bytes(chain: Folders, tmp_path: Path) -> None:
    """Other memory addresses, other hashes, other interned texts, one thread more."""
    files = chain.folder.parent / "files"
    command = [sys.executable, "-c", AGAIN, str(Path(__file__).parent), str(files), str(tmp_path / "again")]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": "7", "OMP_NUM_THREADS": "3"})
    assert {name: digests(tmp_path / "again" / name) for name in OUTPUTS} == {
        name: digests(chain.folder / name) for name in OUTPUTS
    }
