"""The card of a registered version, from everything that is recorded of it."""

from __future__ import annotations

from cmcore.provenance.card.card import Card
from cmcore.provenance.card.filling import card_of
from cmcore.provenance.card.slices import slices_of
from cmcore.provenance.why.gathering import Sources, of_version
from cmcore.registry.names import Reference
from cmcore.storage.store import PayloadStore


def version_card(reference: Reference, sources: Sources, payloads: PayloadStore) -> Card:
    """The card of the version that is meant; raises NotFoundError."""
    found = of_version(reference, sources)
    assert found.records is not None
    return card_of(found, slices_of(found.records.version.facts, sources.lineage, payloads))
