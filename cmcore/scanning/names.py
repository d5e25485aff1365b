"""The names of entries of archives: which of them would leave the folder that somebody unpacks them into."""

from __future__ import annotations

import re
import stat

NAME_MAX = 1024
DRIVE = re.compile(r"[A-Za-z]:")
CONTROL = re.compile(r"[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def hostile_name(name: str) -> str:
    """What is wrong with an entry's name; empty if nothing is."""
    parts = name.replace("\\", "/").split("/")
    if not name or len(name) > NAME_MAX:
        return f"an entry whose name has {len(name)} characters"
    if CONTROL.search(name):
        return f"the entry {name[:80]!r} with control characters in its name"
    if parts[0] == "" or DRIVE.match(name):
        return f"the entry {name[:80]!r} with an absolute path"
    if ".." in parts:
        return f"the entry {name[:80]!r} that leaves its folder"
    return ""


def hostile_mode(mode: int) -> str:
    """What is wrong with an entry's Unix mode: only files and folders without special rights are honest."""
    kind = stat.S_IFMT(mode)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "a symbolic link" if stat.S_ISLNK(mode) else "a device, pipe or socket"
    return "a set-user-id or set-group-id file" if mode & (stat.S_ISUID | stat.S_ISGID) and kind != stat.S_IFDIR else ""


def shown(text: str) -> str:
    """A name as it may be printed: nothing in it steers a terminal or breaks an encoding."""
    return CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)
