"""Data versions: snapshots of files, content-addressed, shared chunks stored once, with lineage."""
