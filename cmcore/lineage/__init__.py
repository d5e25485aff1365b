"""The record of what happened: values, the store's Protocol, ML-Metadata behind it, walks over it."""
