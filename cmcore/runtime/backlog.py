"""Backlog: what attempts have tracked and the journal does not hold yet. Many records become one event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue, TypeAdapter, ValidationError

from cmcore.tracked import Record

FLUSH_S = 0.5  # how old a record gets before it is journaled
FLUSH_RECORDS = 500  # how many records make an event at once
RECORD: TypeAdapter[Record] = TypeAdapter(Record)


@dataclass(slots=True)
class Backlog:
    """Records by attempt, in the order in which they were reported."""

    _waiting: dict[str, list[JsonValue]] = field(default_factory=dict)
    _oldest: dict[str, float] = field(default_factory=dict)

    def add(self, address: str, data: Mapping[str, JsonValue], now: float) -> None:
        """Keep one record; what is none (another version's worker) is left out."""
        try:
            record = RECORD.validate_python(data)
        except ValidationError:
            return
        self._waiting.setdefault(address, []).append(record.model_dump(mode="json"))
        self._oldest.setdefault(address, now)

    def due(self, now: float) -> list[str]:
        """The attempts whose records should be journaled now."""
        return [
            address
            for address, records in self._waiting.items()
            if len(records) >= FLUSH_RECORDS or now - self._oldest[address] >= FLUSH_S
        ]

    def due_at(self) -> float | None:
        """When the next records should be journaled."""
        return min(self._oldest.values()) + FLUSH_S if self._oldest else None

    def taken(self, address: str) -> list[JsonValue]:
        """The records of one attempt, which are not in the backlog any more."""
        self._oldest.pop(address, None)
        return self._waiting.pop(address, [])
