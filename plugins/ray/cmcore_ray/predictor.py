"""The predictor that a placement's flavor makes. Runs in Ray's processes."""

from __future__ import annotations

from functools import reduce
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from cmcore.serving.backend import Placement
from cmcore.serving.predictor import Predictor, PredictorSettings, predictor_settings


def predictor_of(placement: Placement, folder: Path) -> Predictor:
    """The predictor that the flavor's factory makes; raises whatever that raises."""
    module, _, attributes = placement.flavor.factory.partition(":")
    factory = cast(PredictorFactory, reduce(getattr, attributes.split("."), import_module(module)))
    return factory(folder, predictor_settings(placement.interface, threads=placement.inference.threads))


class PredictorFactory(Protocol):
    """What a flavor names."""

    def __call__(self, folder: Path, settings: PredictorSettings) -> Predictor: ...
