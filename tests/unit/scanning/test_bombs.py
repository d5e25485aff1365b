"""Bombs are given up on early: little memory, little time."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import subprocess
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from cmcore.scanning.scan import scan_folder
from tests.unit.scanning.conftest import Laid
from tests.unit.scanning.corpus import zipped

ROOT = Path(__file__).parents[3]
MEASURE = """
import resource, sys, time
from pathlib import Path
from cmcore.scanning.scan import scan_folder
scan_folder(Path(sys.argv[1]) / "small")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
began = time.process_time()
report = scan_folder(Path(sys.argv[1]) / "bomb")
print(report.safe, time.process_time() - began, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


def forty_two() -> bytes:
    """As 42.zip: sixteen archives in each of sixteen archives, five deep, and a gigabyte at the bottom of each."""
    content = zipped({"0.dll": bytes(16 << 20)}, zipfile.ZIP_DEFLATED)
    for _ in range(5):
        content = zipped({f"lib {number:x}.zip": content for number in range(16)}, zipfile.ZIP_DEFLATED)
    return content


def overlapping() -> bytes:
    """One body, thousands of entries that all point to it."""
    content = zipped({"a": bytes(4 << 20)}, zipfile.ZIP_DEFLATED)
    begin, end = content.rfind(b"PK\1\2"), content.rfind(b"PK\5\6")
    entry, count = content[begin:end], 10_000
    tail = struct.pack("<4HLLH", 0, 0, count, count, len(entry) * count, begin, 0)
    return content[:begin] + entry * count + b"PK\5\6" + tail


def many_entries() -> bytes:
    """A zip with more entries than its reader could keep in memory."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for number in range(70_000):
            archive.writestr(zipfile.ZipInfo(str(number)), b"")
    return stream.getvalue()


def long_header() -> bytes:
    """A compressed tar whose first entry is an extended header of many megabytes."""
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, 64 << 20
    return gzip.compress(info.tobuf() + bytes(64 << 20))


BOMBS: dict[str, Callable[[], bytes]] = {
    "42.zip": forty_two,
    "zip": lambda: zipped({"a": bytes(128 << 20)}, zipfile.ZIP_DEFLATED),
    "gzip": lambda: gzip.compress(bytes(128 << 20)),
    "gzip in gzip": lambda: gzip.compress(gzip.compress(bytes(128 << 20))),
    "zlib": lambda: zlib.compress(bytes(128 << 20)),
    "bzip2": lambda: bz2.compress(bytes(64 << 20)),
    "xz": lambda: lzma.compress(bytes(64 << 20)),
    "overlapping entries": overlapping,
    "entries beyond number": many_entries,
    "tar of entries beyond number": lambda: tarfile.TarInfo("a").tobuf() * 30_000 + bytes(1024),
    "tar with an extended header": long_header,
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused(laid: Laid, name: str) -> None:
    assert not scan_folder(laid({"f": BOMBS[name]()})).safe


@pytest.mark.parametrize(
    "name", ["42.zip", "gzip in gzip", "xz", "entries beyond number", "tar with an extended header"]
)
def test_a_bomb_costs_less_than_a_second_and_64_mebibytes(laid: Laid, name: str) -> None:
    folder = laid({"bomb/f": BOMBS[name](), "small/f": b"x"})
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(folder)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    safe, seconds, mebibytes = done.stdout.split()
    assert (safe, float(seconds) < 1, float(mebibytes) < 64) == ("False", True, True), done.stdout


def test_an_honest_archive_of_zeros_passes(laid: Laid) -> None:
    assert scan_folder(laid({"f.npz": zipped({"a.bin": bytes(20 << 20)}, zipfile.ZIP_DEFLATED)})).safe
