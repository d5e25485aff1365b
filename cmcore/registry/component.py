"""Registrar as a component for pipelines in Python; its spec is the packaged document, its work `registrar`."""

from __future__ import annotations

from cmcore.components.library import load_spec

Registrar = load_spec("cmcore:component_specs/Registrar.yaml")
