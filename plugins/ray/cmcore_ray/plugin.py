"""What the plugin gives. Imports nothing heavy; cmcore loads this module always."""

from __future__ import annotations

from cmcore.hooks import Provider, hookimpl

CMCORE_API = ">=1,<2"


@hookimpl
def cmcore_providers() -> list[Provider]:
    """The serving backend."""
    return [
        Provider(
            kind="serving", name="ray", factory="cmcore_ray.backend:ray_backend",
            options="cmcore_ray.options:RayOptions",
            summary="Ray Serve, one application per version, on a local cluster or yours",
        ),
    ]  # fmt: skip
