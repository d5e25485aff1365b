"""A plugin whose observer hangs."""
