"""Carrying plans out: driver, launchers, workers, cache, resume."""
