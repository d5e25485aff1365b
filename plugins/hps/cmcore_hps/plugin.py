"""What the plugin gives. Imports nothing heavy; cmcore loads this module always."""

from __future__ import annotations

from cmcore.hooks import Provider, hookimpl

CMCORE_API = ">=1,<2"


@hookimpl
def cmcore_providers() -> list[Provider]:
    """The flavor that looks up embeddings."""
    return [
        Provider(
            kind="flavor", name="hps", factory="cmcore_hps.serving.predictor:predictor",
            summary="Embedding tables of HugeCTR and HPS, looked up and ranked on CPUs",
        ),
    ]  # fmt: skip
