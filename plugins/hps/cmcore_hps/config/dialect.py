"""The three readers of a `ps.json` that are known here. What each does with a file is the table of the keys."""

from __future__ import annotations

from enum import StrEnum


class Dialect(StrEnum):
    """Who will read the files; the value is the profile's public name."""

    HUGECTR = "hugectr-3.5"
    HPS = "hps-4"
    LIBRARY = "hps-lib-24.06"

    @property
    def backend(self) -> str:
        """What `backend:` of a `config.pbtxt` says for it; empty for the library, which Triton does not load."""
        return {Dialect.HUGECTR: "hugectr", Dialect.HPS: "hps"}.get(self, "")

    @property
    def reader(self) -> str:
        """What messages call it."""
        return {
            Dialect.HUGECTR: "the HugeCTR backend 3.5",
            Dialect.HPS: "the HPS backend",
            Dialect.LIBRARY: "the HPS library 24.06",
        }[self]
