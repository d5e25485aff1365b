"""A plugin that does not import."""
