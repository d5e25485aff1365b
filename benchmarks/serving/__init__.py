"""Serving under load: updates, deaths of servers, and other products beside it with the same model."""
