"""The history of the table of pins, one file per step, named after its revision."""
