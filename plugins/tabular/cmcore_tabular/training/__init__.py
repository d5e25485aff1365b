"""Estimators: how they are found, fitted and stored."""
