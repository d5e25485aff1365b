"""Models in MLflow's layout: predictors of their flavors, and batch prediction (`BatchPredictor`, loaded when used)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cmcore import BuiltNode, Component

    class PackagedComponent(Component):
        """What type checkers see: in a pipeline a call makes a node (a plain call returns the values instead)."""

        def __call__(self, *args: object, **kwargs: object) -> BuiltNode: ...

    BatchPredictor: PackagedComponent

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    from cmcore import load_spec  # here, so that `import cmcore_models` loads nothing

    if name != "BatchPredictor":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; components: BatchPredictor")
    component = load_spec(f"{__name__}:component_specs/{name}.yaml")
    globals()[name] = component
    return component
