"""A plugin that claims a taken name."""
