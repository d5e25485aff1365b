"""How Alembic runs, for all packages, and under `versions/` the history of the tables of `state`.

A script that has been released is never changed: the tables move on by a new script and a new head in `migration.py`.
"""
