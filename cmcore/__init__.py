"""cmcore: components, pipelines and lineage; the public names, each imported at first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cmcore.artifacts import Artifact as Artifact
    from cmcore.components.annotations import AllowNaN as AllowNaN
    from cmcore.components.annotations import InputArtifact as InputArtifact
    from cmcore.components.annotations import OutputArtifact as OutputArtifact
    from cmcore.components.annotations import OutputDict as OutputDict
    from cmcore.components.annotations import Parameter as Parameter
    from cmcore.components.code.reference import CodeRef as CodeRef
    from cmcore.components.component import Component as Component
    from cmcore.components.component import Executor as Executor
    from cmcore.components.component import component as component
    from cmcore.components.context import Context as Context
    from cmcore.components.library import load_spec as load_spec
    from cmcore.components.secret import Secret as Secret
    from cmcore.components.spec import ComponentSpec as ComponentSpec
    from cmcore.components.spec import InputSpec as InputSpec
    from cmcore.components.spec import OutputSpec as OutputSpec
    from cmcore.components.spec import ParameterSpec as ParameterSpec
    from cmcore.pipelines.build import BuiltNode as BuiltNode
    from cmcore.pipelines.build import importer as importer
    from cmcore.pipelines.build import pipeline as pipeline
    from cmcore.pipelines.build import resolver as resolver
    from cmcore.pipelines.document import Pipeline as Pipeline
    from cmcore.registry.component import Registrar as Registrar
    from cmcore.resources import Resources as Resources
    from cmcore.sandbox.component import InfraValidator as InfraValidator
    from cmcore.stack import Project as Project

_HOMES = {
    "cmcore.artifacts": ("Artifact",),
    "cmcore.components.annotations": ("AllowNaN", "InputArtifact", "OutputArtifact", "OutputDict", "Parameter"),
    "cmcore.components.code.reference": ("CodeRef",),
    "cmcore.components.component": ("Component", "Executor", "component"),
    "cmcore.components.context": ("Context",),
    "cmcore.components.library": ("load_spec",),
    "cmcore.components.secret": ("Secret",),
    "cmcore.components.spec": ("ComponentSpec", "InputSpec", "OutputSpec", "ParameterSpec"),
    "cmcore.pipelines.build": ("BuiltNode", "importer", "pipeline", "resolver"),
    "cmcore.pipelines.document": ("Pipeline",),
    "cmcore.registry.component": ("Registrar",),
    "cmcore.sandbox.component": ("InfraValidator",),
    "cmcore.stack": ("Project",),
    "cmcore.resources": ("Resources",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}
__version__ = "0.1.0"
__all__ = sorted(_HOME_OF)  # noqa: PLE0605 # a list, made from the table above


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'cmcore' has no attribute {name!r}; it has {', '.join(__all__)}")
    home = import_module(_HOME_OF[name])
    if name in vars(home):
        for shared in _HOMES[_HOME_OF[name]]:
            globals()[shared] = vars(home)[shared]
    return globals()[name]


def __dir__() -> list[str]:
    return [*globals(), *__all__]
