"""InfraValidator as a component for pipelines in Python; its spec is the packaged document, its work `validator`."""

from __future__ import annotations

from cmcore.components.library import load_spec

InfraValidator = load_spec("cmcore:component_specs/InfraValidator.yaml")
