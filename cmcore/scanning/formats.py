"""Formats by their first bytes: those that run, those that cannot be looked into, those that are harmless.

What needs a closer look has a module of its own; a file's name decides only where content cannot (Python source).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from cmcore.scanning.finding import Danger, Peril
from cmcore.scanning.source import Source

TEXT_BYTES = 4096
CONTROLS = bytes(byte for byte in range(32) if byte not in b"\t\n\r\f\x1b\x08")

RUNNING: Mapping[bytes, str] = MappingProxyType({
    b"\x7fELF": "a Linux program or library",
    b"MZ": "a Windows program or library",
    b"\xfe\xed\xfa\xce": "a macOS program or library",
    b"\xfe\xed\xfa\xcf": "a macOS program or library",
    b"\xce\xfa\xed\xfe": "a macOS program or library",
    b"\xcf\xfa\xed\xfe": "a macOS program or library",
    b"\xca\xfe\xba\xbe": "Java byte code or a macOS library",
    b"\0asm": "a WebAssembly program",
    b"#!": "a script",
})  # fmt: skip
SERIALISED: Mapping[bytes, str] = MappingProxyType({
    b"\xac\xed\x00\x05": "serialised Java objects, which run what they name",
    b"RDX2\n": "serialised R objects, which may run code",
    b"RDX3\n": "serialised R objects, which may run code",
    b"X\n\0\0\0\2": "serialised R objects, which may run code",
    b"X\n\0\0\0\3": "serialised R objects, which may run code",
})  # fmt: skip
OPAQUE: Mapping[bytes, str] = MappingProxyType({
    b"\x04\x22\x4d\x18": "lz4",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!\x1a\x07": "rar",
    b"ZF0x": "joblib's old compressed form",
    b"\x89LZO": "lzop",
    b"\x1f\x9d": "compress",
    b"MSCF": "cabinet",
})  # fmt: skip
HARMLESS: Mapping[bytes, str] = MappingProxyType({
    b"PAR1": "parquet",
    b"ARROW1": "arrow",
    b"GGUF": "gguf",
    b"CBM1": "catboost",
    b"{L\0\0\0\0\0\0\0\x07learner": "xgboost",
    b"tree\nversion=": "lightgbm",
    b"\x89PNG\r\n\x1a\n": "png",
    b"\xff\xd8\xff": "jpeg",
})  # fmt: skip
CODE_SUFFIXES = (
    ".py", ".pyw", ".pyx", ".pyc", ".pyo", ".so", ".dll", ".dylib", ".exe", ".sh", ".bash", ".bat", ".cmd",
    ".ps1", ".class",
)  # fmt: skip
BYTE_CODE_MAGICS = range(3000, 4000)


def by_opening(source: Source) -> tuple[str, list[Peril]]:
    """The format that the first bytes say, empty if none, and what is wrong with it."""
    head = source.head
    if what := _matched(RUNNING, head):
        return "executable", [Peril(danger=Danger.CODE, what=what)]
    if what := _matched(SERIALISED, head):
        return "serialised objects", [Peril(danger=Danger.PICKLE, what=what)]
    if name := _matched(OPAQUE, head):
        what = f"{name} data, which cannot be looked into here and may hold a pickle"
        return name, [Peril(danger=Danger.OPAQUE, what=what)]
    if head[2:4] == b"\r\n" and int.from_bytes(head[:2], "little") in BYTE_CODE_MAGICS:
        return "python byte code", [Peril(danger=Danger.CODE, what="Python byte code")]
    return _matched(HARMLESS, head), []


def _matched(table: Mapping[bytes, str], head: bytes) -> str:
    return next((what for opening, what in table.items() if head.startswith(opening)), "")


def by_name(source: Source) -> list[Peril]:
    """Code that only its name tells."""
    suffix = next((each for each in CODE_SUFFIXES if source.file_name.lower().endswith(each)), "")
    return [Peril(danger=Danger.CODE, what=f"code ({suffix})")] if suffix else []


def text_format(source: Source) -> str:
    """`json` or `text`; empty for anything else."""
    sample = source.head[:TEXT_BYTES]
    if not sample or sample.translate(None, CONTROLS) != sample:
        return ""
    try:
        sample.decode()
    except UnicodeDecodeError as error:
        if error.start < len(sample) - 4 or source.size <= len(sample):
            return ""
    return "json" if sample.lstrip()[:1] in (b"{", b"[") else "text"
