"""The bytes of a file as text, within limits; what the text means is not known here."""

from __future__ import annotations

import bisect
from dataclasses import dataclass
from pathlib import Path

from cmcore_hps.config.finding import Findings, Place

BYTES_MAX = 4 * 2**20
PBTXT_BYTES_MAX = 2**18  # protobuf reads 100 kB per second
DEPTH_MAX = 64


@dataclass(frozen=True, slots=True)
class Text:
    """A text that tells where an offset is."""

    content: str
    starts: tuple[int, ...]

    def place(self, offset: int) -> Place:
        """Line and column of an offset, from 1."""
        line = bisect.bisect_right(self.starts, offset)
        return line, offset - self.starts[line - 1] + 1


def text_of(content: str) -> Text:
    """The text with the starts of its lines."""
    starts = [0]
    at = content.find("\n")
    while at >= 0:
        starts.append(at + 1)
        at = content.find("\n", at + 1)
    return Text(content, tuple(starts))


def read(source: Path | bytes, findings: Findings, *, most: int = BYTES_MAX) -> Text | None:
    """The file's text; None where there is none that may be looked at, which is then found."""
    raw = bytes_of(source, findings, most)
    if raw is None:
        return None
    if len(raw) > most:
        findings.add(
            "E4-text-limit",
            "",
            f"the file has {len(raw):,} bytes, and {most:,} are read",
            "leave out what no reader needs, or serve the models from several files",
        )
        return None
    if raw.startswith(b"\xef\xbb\xbf"):
        findings.add("E4-text-mark", "", "a byte order mark stands before the text", "save the file without one")
        raw = raw[3:]
    return decoded(raw, findings)


def bytes_of(source: Path | bytes, findings: Findings, most: int) -> bytes | None:
    """The bytes, no more than one above the limit."""
    if isinstance(source, bytes):
        return source
    try:
        with source.open("rb") as file:
            return file.read(most + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        findings.add(
            "E4-text-missing", "", f"the file cannot be read: {error}", "give the path of a file that can be read"
        )
        return None


def decoded(raw: bytes, findings: Findings) -> Text | None:
    """The text in UTF-8, without NUL."""
    try:
        content = raw.decode()
    except UnicodeDecodeError as error:
        before = text_of(raw[: error.start].decode())
        findings.add(
            "E4-text-encoding",
            "",
            f"byte {error.start} ({raw[error.start]:#04x}) is no UTF-8",
            "save the file as UTF-8",
            place=before.place(error.start if before.content.isascii() else len(before.content)),
        )
        return None
    text = text_of(content)
    if "\0" in content:
        findings.add(
            "E4-text-encoding", "", "the file holds a NUL character", "remove it", place=text.place(content.index("\0"))
        )
        return None
    return text
