"""Catalog: what names in documents mean in one project. Made by the composition root, used by the graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cmcore.components.component import Component
from cmcore.components.library import component_at
from cmcore.components.spec import ComponentSpec
from cmcore.document.wording import did_you_mean
from cmcore.errors import UsageError
from cmcore.pipelines.resolver import Resolver


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """Components by name (to packaged specs, files or import paths), resolvers and artifact types by name."""

    components: Mapping[str, str] = field(default_factory=dict)
    resolvers: Mapping[str, Callable[[], Resolver]] = field(default_factory=dict)
    artifact_types: Mapping[str, str] = field(default_factory=dict)

    def component(self, reference: str) -> Component:
        """The component that a document names; raises UsageError with the names that exist."""
        return component_at(reference, self.components)

    def typed(self, spec: ComponentSpec) -> ComponentSpec:
        """The spec with the names of provided artifact types as import paths, which every process understands."""
        paths = self.artifact_types
        if not paths:
            return spec
        inputs = {key: it.of_type(paths.get(it.type, it.type)) for key, it in spec.inputs.items()}
        outputs = {key: it.of_type(paths.get(it.type, it.type)) for key, it in spec.outputs.items()}
        return spec.model_copy(update={"inputs": inputs, "outputs": outputs})

    def resolver(self, name: str) -> Resolver:
        """The resolver of that name; raises UsageError with the names that exist."""
        if name not in self.resolvers:
            raise UsageError(
                f"no resolver is named {name!r}{did_you_mean(name, self.resolvers)}; "
                f"known: {', '.join(sorted(self.resolvers))}"
            )
        return self.resolvers[name]()
