"""A plugin for another version of the plugin API."""
