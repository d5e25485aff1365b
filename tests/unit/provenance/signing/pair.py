"""A key pair as tests name it, and the files that they sign."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PASSWORD = "correct horse"
FILES = {"a.onnx": b"weights", "sub/b.txt": b"words", "MLmodel": b"flavors: {}\n"}


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A private key's file, the public key's text, and its fingerprint."""

    file: Path
    public: str
    signer: str
