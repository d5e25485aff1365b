"""Refuses to run frozen pipelines and keeps a diary."""
