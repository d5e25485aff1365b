"""The artifact type."""

from cmcore.artifacts import Artifact


class Echo(Artifact):
    """Something that was said."""

    volume_percent: int = 0
