"""Alembic scripts of the table of trackers."""
