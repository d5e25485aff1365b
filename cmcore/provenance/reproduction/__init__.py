"""Running an old run again: which nodes, on which code, packages and data, and what came of it. Nothing runs here."""
