"""What careless software does with names, paths, archives and models: the corpora must break each of these.

A corpus that no weak handler falls for would prove nothing about a strong one.
"""

from __future__ import annotations

import io
import os
import pickle
import re
import sqlite3
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

Handler = Callable[[Path, str], bytes]


def joined(root: Path, name: str) -> bytes:
    """os.path.join: an absolute name drops the root (Gradio CVE-2026-49119)."""
    return Path(os.path.join(root, name)).read_bytes()  # noqa: PTH118


def dots_refused(root: Path, name: str) -> bytes:
    """A check for `..` before the name is decoded (MLflow CVE-2023-6909, CVE-2024-3848)."""
    if ".." in name.split("/"):
        raise ValueError(name)
    return (root / unquote(unquote(name)).lstrip("/")).read_bytes()


def prefix_compared(root: Path, name: str) -> bytes:
    """A comparison of texts: `/data-private` begins like `/data`, and links are not seen."""
    path = os.path.normpath(f"{root}/{name}")
    if not path.startswith(str(root)):
        raise ValueError(name)
    return Path(path).read_bytes()


def stripped(root: Path, name: str) -> bytes:
    """Dots taken out once: `....//` becomes `../` (a classic)."""
    return (root / name.replace("../", "", 1)).read_bytes()


def checked_then_opened(root: Path, name: str, meanwhile: Callable[[], object]) -> bytes:
    """A check of the path, and the opening later: there is time between them."""
    path = root / name
    if path.is_symlink():
        raise ValueError(name)
    meanwhile()
    return path.read_bytes()


READERS: dict[str, Handler] = {
    "joined": joined, "dots refused": dots_refused, "prefix compared": prefix_compared, "stripped": stripped,
}  # fmt: skip

NAME_CHECKS: dict[str, Callable[[str], object]] = {
    "anything but a slash": lambda name: "/" not in name,
    "a regular expression that is not anchored": lambda name: re.search(r"[a-z0-9][a-z0-9._-]*", name),
    "a regular expression that ends in $": lambda name: re.match(r"[a-z0-9][\w. -]*$", name),
    "isalnum, which knows all alphabets": lambda name: name.replace("-", "").replace(".", "").isalnum(),
    "no dots and no backslashes": lambda name: not set("./\\") & set(name),
}


def unzipped(content: bytes, folder: Path) -> None:
    """Every entry where its name says (Argo CVE-2025-62156)."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for info in archive.infolist():
            _written(folder, info.orig_filename, archive.read(info))


def untarred(content: bytes, folder: Path) -> None:
    """Every entry where its name says, links included (MLflow CVE-2025-15031, Argo GO-2025-4223)."""
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for member in archive:
            _placed(folder, member, archive)


UNPACKERS: dict[str, Callable[[bytes, Path], object]] = {"zip": unzipped, "tar": untarred}


def _written(folder: Path, name: str, content: bytes) -> None:
    target = Path(os.path.join(folder, name.replace("\\", "/")))  # noqa: PTH118
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)


def _placed(folder: Path, member: tarfile.TarInfo, archive: tarfile.TarFile) -> None:
    if member.issym():
        (folder / member.name).symlink_to(member.linkname)
    elif stream := archive.extractfile(member):
        _written(folder, member.name, stream.read())


SUFFIXES = (".pkl", ".pickle", ".joblib")


def by_suffix(name: str, content: bytes) -> bool:
    """A scan of names (as picklescan scans folders)."""
    del content
    return name.endswith(SUFFIXES)


def by_first_bytes(name: str, content: bytes) -> bool:
    """A scan of magic numbers: protocols 0 and 1 have none, and archives hide the rest."""
    del name
    return content[:1] == b"\x80" and content[1:2] in b"\x02\x03\x04\x05"


def by_forbidden_names(name: str, content: bytes) -> bool:
    """A scan for words that are forbidden."""
    del name
    return any(word in content for word in (b"os\n", b"\x02os", b"subprocess", b"eval", b"posix"))


SCANNERS: dict[str, Callable[[str, bytes], bool]] = {
    "by suffix": by_suffix, "by first bytes": by_first_bytes, "by forbidden names": by_forbidden_names,
}  # fmt: skip


def loaded(content: bytes) -> object:
    """Loading to see what it is: which is what a pickle waits for."""
    return pickle.loads(content)


def put_together(database: sqlite3.Connection, value: str) -> list[object]:
    """SQL put together from texts."""
    return database.execute(f"SELECT run FROM runs WHERE state = '{value}'").fetchall()
