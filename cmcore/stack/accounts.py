"""Where explanations and cards of a project's models are gathered from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cmcore.components.code.environment import environment
from cmcore.provenance.card.card import Card
from cmcore.provenance.card.gathering import version_card
from cmcore.provenance.why.gathering import Sources
from cmcore.registry.names import Reference

if TYPE_CHECKING:
    from cmcore.stack.project import Project


def sources(project: Project) -> Sources:
    """The registry, the lineage, the reports of reproductions, and the environment of today."""
    return Sources(
        lineage=project.lineage,
        registry=project.registry,
        reproductions=project.home / "reproductions",
        now=environment(),
    )


def card(project: Project, reference: Reference) -> Card:
    """The card of a version as it is now; raises NotFoundError."""
    return version_card(reference, sources(project), project.payloads)
