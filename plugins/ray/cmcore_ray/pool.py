"""Pool: replicas that several models share, each of them loaded when it is asked for. Pure.

What a pool is made of is part of its application's name: other hardware, or another project's folder, is another pool,
so that none is ever updated in place.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from cmcore.serving.backend import Placement
from cmcore_ray.servicer import POOLS

POOL, LIMIT, OURS = "ray.pool", "ray.models_per_replica", "ray."
USUAL_LIMIT = 3  # as in Ray Serve
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,46}[a-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """The application that has the replicas, and how many models each of them keeps at a time."""

    application: str
    limit: int


def pool_of(placement: Placement, folder: Path, options: JsonValue) -> Pool | None:
    """The pool that a placement asks for, None for replicas of its own; `options` are those of the replicas, `folder`
    is where they find the models."""
    asked = placement.inference.parameters
    if POOL not in asked:
        return None
    limit = int(asked.get(LIMIT, USUAL_LIMIT))
    made_of = json.dumps([str(folder), limit, options], sort_keys=True)
    digest = hashlib.sha256(made_of.encode()).hexdigest()[:12]
    return Pool(application=f"{POOLS}{asked[POOL]}.{digest}", limit=limit)


def odd_parameters(placement: Placement) -> Iterator[str]:
    """What is wrong with the parameters that are ours."""
    asked = {key: value for key, value in placement.inference.parameters.items() if key.startswith(OURS)}
    if unknown := sorted(asked.keys() - {POOL, LIMIT}):
        yield f"parameters has {unknown[0]!r}; there are {POOL} and {LIMIT}"
    if POOL in asked and not NAME.fullmatch(asked[POOL]):
        yield f"{POOL} {asked[POOL]!r} is no name of a pool; use small letters, digits and dashes"
    if LIMIT in asked and POOL not in asked:
        yield f"{LIMIT} is for the replicas of a pool; give {POOL} too, or leave it out"
    if LIMIT in asked and not re.fullmatch(r"[1-9][0-9]{0,3}", asked[LIMIT]):
        yield f"{LIMIT} {asked[LIMIT]!r} is no number from 1 to 9999"
