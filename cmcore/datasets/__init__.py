"""Versions of data: folders kept as content-defined chunks, numbered, compared, checked out, and in the lineage.

Which runs use a version is the lineage's knowledge; what the rows mean is their readers'.
"""
