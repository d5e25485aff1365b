"""Metrics of several nodes as one Prometheus text. Pure."""

from __future__ import annotations

from collections.abc import Iterable


def together(texts: Iterable[str]) -> str:
    """All samples, each metric's description once and before its first sample."""
    heads: dict[str, list[str]] = {}
    samples: dict[str, list[str]] = {}
    for text in texts:
        family = ""
        for line in text.splitlines():
            if line.startswith(("# HELP ", "# TYPE ")):
                family = line.split(" ", 3)[2]
                known = heads.setdefault(family, [])
                if not any(each.split(" ", 3)[:3] == line.split(" ", 3)[:3] for each in known):
                    known.append(line)
            elif line and not line.startswith("#"):
                samples.setdefault(family, []).append(line)
    families = dict.fromkeys([*heads, *samples])
    lines = [line for family in families for line in (*heads.get(family, ()), *samples.get(family, ()))]
    return "".join(f"{line}\n" for line in lines)
