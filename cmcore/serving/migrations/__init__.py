"""How the tables of endpoints came about."""
