"""Pipelines: the graph as declared, its checks, its plan, and the resolvers that look into earlier runs."""
