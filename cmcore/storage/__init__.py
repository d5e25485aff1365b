"""Artifact payloads: sealed where they are written, verified, localised, collected.

Which artifact a payload belongs to is `cmcore.artifacts`, what was recorded of it `cmcore.lineage`.
"""
