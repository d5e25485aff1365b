"""The history of the tables of what runs have tracked; those of couriers are elsewhere."""
