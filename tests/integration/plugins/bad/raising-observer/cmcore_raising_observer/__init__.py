"""A plugin whose observer raises."""
