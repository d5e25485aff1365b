"""The schema document: type, presence, domain and range of each column. Infers nothing, checks nothing."""

from __future__ import annotations

from pathlib import Path

import yaml

from cmcore_tabular.csv_types import ColumnType
from cmcore_tabular.documents import write_yaml
from cmcore_tabular.statistics.document import Frozen

SCHEMA_FILE = "schema.yaml"


class ColumnSchema(Frozen):
    """What one column must look like; None means: no demand.

    Datetimes have their range in seconds since 1970 UTC. `max_missing_share` 0 means: every row has a value.
    """

    type: ColumnType
    max_missing_share: float = 1.0
    domain: tuple[str, ...] | None = None
    min: float | None = None
    max: float | None = None

    @property
    def required(self) -> bool:
        """Whether every row must have a value."""
        return self.max_missing_share == 0.0


class SchemaDocument(Frozen):
    """Every column that the data must have, in the order of the examples."""

    columns: dict[str, ColumnSchema]

    @classmethod
    def read(cls, folder: Path) -> SchemaDocument:
        """The document in a Schema artifact's folder, ours or one written by hand."""
        raw = yaml.safe_load((folder / SCHEMA_FILE).read_text(encoding="utf-8"))
        columns = raw["columns"] if isinstance(raw, dict) and isinstance(raw.get("columns"), list) else []
        return cls.model_validate({"columns": {entry.pop("name"): entry for entry in columns}})

    def write(self, folder: Path) -> None:
        """Write it for people to read and edit; columns are a list, so that their order is kept."""
        entries = [
            {"name": name, **column.model_dump(mode="json", exclude_none=True)} for name, column in self.columns.items()
        ]
        write_yaml(folder / SCHEMA_FILE, {"columns": entries})
