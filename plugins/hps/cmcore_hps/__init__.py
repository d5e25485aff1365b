"""Configurations of HugeCTR and the Hierarchical Parameter Server: read, checked, exported, served."""
