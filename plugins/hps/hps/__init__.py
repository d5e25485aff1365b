"""The import path of the Configuration Management demo: `from hps.cm import cm`."""
