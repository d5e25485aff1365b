"""The standard components for tabular data, each loaded at first use: `from cmcore_tabular import Trainer`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cmcore import BuiltNode, Component

    class StandardComponent(Component):
        """What type checkers see: in a pipeline a call makes a node (a plain call returns the values instead)."""

        def __call__(self, *args: object, **kwargs: object) -> BuiltNode: ...

    CsvExampleGen: StandardComponent
    StatisticsGen: StandardComponent
    SchemaGen: StandardComponent
    ExampleValidator: StandardComponent
    Transform: StandardComponent
    Trainer: StandardComponent
    Evaluator: StandardComponent
    Pusher: StandardComponent

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    from cmcore import load_spec  # here, so that `import cmcore_tabular` loads nothing
    from cmcore_tabular.plugin import COMPONENTS

    if name not in COMPONENTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; components: {', '.join(COMPONENTS)}")
    component = load_spec(f"{__name__}:component_specs/{name}.yaml")
    globals()[name] = component
    return component
