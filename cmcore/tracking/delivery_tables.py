"""The table in which trackers remember things between processes; `courier_migrations/` makes it.

How far each tracker has read is in the log's own table of cursors.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from cmcore.state.migration import Branch

METADATA = sa.MetaData()

TRACKER_MEMORY = sa.Table(
    "tracker_memory",
    METADATA,
    sa.Column("tracker", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
)

COURIERS_BRANCH = Branch(
    name="couriers", scripts=Path(__file__).parent / "courier_migrations" / "versions", head="couriers_0001"
)
