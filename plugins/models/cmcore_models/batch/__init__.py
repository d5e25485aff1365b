"""Batch prediction: Parquet in, Parquet out, and a table if one is asked for.."""
