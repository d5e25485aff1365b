"""How the tables of pins came about."""
