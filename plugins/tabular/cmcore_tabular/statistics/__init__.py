"""Descriptive statistics of examples: the document, how it is computed, and its page."""
