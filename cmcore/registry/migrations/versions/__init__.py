"""The history of the registry's tables, one file per step, named after its revision."""
