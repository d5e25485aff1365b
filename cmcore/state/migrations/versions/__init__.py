"""The history of the tables of `state`, one file per step, named after its revision; no other package's tables."""
