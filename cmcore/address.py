"""The address of one attempt at one node: what executions, payloads and logs are named after."""

from __future__ import annotations

import re
from dataclasses import dataclass

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Address:
    """(run, node, item, attempt); `item` is empty outside maps, attempts count from 1.

    Written `run/node/attempt` or `run/node@item/attempt`: lower case, at most 200 characters,
    so that every metadata store keeps it apart from every other name.
    """

    run: str
    node: str
    item: str = ""
    attempt: int = 1

    def __str__(self) -> str:
        return f"{self.slot}/{self.attempt}"

    @property
    def slot(self) -> str:
        """The address without its attempt: what must be published at most once."""
        item = f"@{self.item}" if self.item else ""
        return f"{self.run}/{self.node}{item}"

    @classmethod
    def parse(cls, text: str) -> Address:
        """The inverse of `str`; raises ValueError for anything else."""
        run, slot, attempt = text.split("/")
        node, _, item = slot.partition("@")
        return cls(run=run, node=node, item=item, attempt=int(attempt))
