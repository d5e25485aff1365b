"""The model registry: models, versions, aliases, approvals, policies, and the log of who changed what."""
