"""What the plugin gives. Imports nothing heavy; cmcore loads this module always."""

from __future__ import annotations

from cmcore.hooks import Provider, hookimpl

CMCORE_API = ">=1,<2"


@hookimpl
def cmcore_providers() -> list[Provider]:
    """The serving backend."""
    return [
        Provider(
            kind="serving", name="triton", factory="cmcore_triton.backend:triton_backend",
            options="cmcore_triton.options:TritonOptions",
            summary="NVIDIA Triton Inference Server, explicit model control; a local server or one that runs",
        ),
    ]  # fmt: skip
