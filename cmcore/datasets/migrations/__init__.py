"""Alembic's scripts for the tables of `cmcore.datasets.tables`."""
