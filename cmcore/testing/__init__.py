"""Contract tests and fixtures for authors of components and plugins."""
