"""Launches nothing and says so."""
