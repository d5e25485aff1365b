"""The history of the tables of endpoints, one file per step, named after its revision."""
