"""Signatures over models and over statements of how they were made; kept beside the registry, never in the payload."""
