"""Where the locations in configurations lie on this machine: prefixes such as `hdfs://model_repo` and their folders."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cmcore.errors import UsageError

VARIABLE = "CM_HPS_PATHS"


def prefixes_of(text: str) -> dict[str, Path]:
    """The mapping in a text such as `hdfs://model_repo=/data/models,/model=/data/wdl`; raises UsageError."""
    pairs = [pair.strip().partition("=") for pair in text.split(",") if pair.strip()]
    if wrong := [prefix for prefix, _, folder in pairs if not prefix.strip() or not folder.strip()]:
        raise UsageError(f"{VARIABLE} has {wrong[0]!r} without a folder; write PREFIX=FOLDER, with commas between them")
    return {prefix.strip().rstrip("/"): Path(folder.strip()) for prefix, _, folder in pairs}


def located(location: str, prefixes: Mapping[str, Path]) -> Path:
    """The path of a location, by its longest mapped prefix; raises UsageError for a URL that no prefix maps, and for
    one that leads out of its prefix."""
    fitting = [prefix for prefix in prefixes if location == prefix or location.startswith(prefix + "/")]
    if fitting:
        prefix = max(fitting, key=len)
        if ".." in location.split("/"):
            raise UsageError(f"{location!r} leads out of {prefix!r}; write it without '..'")
        return prefixes[prefix].joinpath(*location.removeprefix(prefix).split("/"))
    if location.startswith("file://"):
        return Path(location.removeprefix("file://"))
    if "://" in location:
        raise UsageError(
            f"nothing says where {location!r} is on this machine. Try: {VARIABLE}={location.rpartition('/')[0]}=FOLDER "
            f"(mapped are: {', '.join(prefixes) or 'none'})"
        )
    return Path(location)
