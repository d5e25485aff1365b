"""Which code a component runs: references to it, the digest of all it imports, and the versions around it.

What a component is stays in `cmcore.components`; how a cache key is put together is not decided here.
"""
