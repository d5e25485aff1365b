"""A plugin that exits at import."""
