"""The environment that code runs in: interpreter, platform and the versions of all installed distributions.

A run records all of it; a cache key takes only `interpreter`, and the distributions that its code imports.
"""

from __future__ import annotations

import hashlib
import json
import platform
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from cmcore.components.code.distributions import Distribution, distributions_in


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """`packages` are `name==version`, sorted; `digest` covers every field."""

    python: str
    implementation: str
    platform: str
    interpreter: str
    packages: tuple[str, ...]

    @property
    def digest(self) -> str:
        """`sha256:` and the hex digest of the fields."""
        return f"sha256:{hashlib.sha256(json.dumps(self.document(), sort_keys=True).encode()).hexdigest()}"

    def document(self) -> dict[str, JsonValue]:
        """The value as JSON, for records."""
        return {
            "python": self.python,
            "implementation": self.implementation,
            "platform": self.platform,
            "interpreter": self.interpreter,
            "packages": list(self.packages),
        }


def interpreter() -> str:
    """What of Python a cache key holds: implementation, major and minor version, platform tag."""
    major, minor = sys.version_info[:2]
    return f"{sys.implementation.name}-{major}.{minor}-{sysconfig.get_platform()}"


def environment(*, path: Sequence[str] | None = None) -> Environment:
    """The environment of this process; of distributions installed twice on `path` (`sys.path`), the first counts."""
    found: dict[str, Distribution] = {}
    for entry in dict.fromkeys(sys.path if path is None else path):
        found = distributions_in(Path(entry)) | found
    return Environment(
        python=platform.python_version(),
        implementation=sys.implementation.name,
        platform=platform.platform(),
        interpreter=interpreter(),
        packages=tuple(f"{name}=={found[name].version}" for name in sorted(found)),
    )
